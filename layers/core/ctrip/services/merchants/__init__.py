"""Merchants and their keys: make, change, provision, authenticate, limit."""
