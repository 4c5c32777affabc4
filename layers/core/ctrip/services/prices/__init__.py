"""Rates, and what is due for a price."""
