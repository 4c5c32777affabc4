"""Payments as merchants ask for them: create, read, cancel, accept."""
