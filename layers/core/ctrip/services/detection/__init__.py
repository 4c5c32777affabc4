"""Scanning chains: what is watched, what was seen, and whether it may be believed."""
