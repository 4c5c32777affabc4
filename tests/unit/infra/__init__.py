"""Tests of what surrounds the gateway."""
