"""Merchants, their API keys, their limits, and how they sign requests."""
