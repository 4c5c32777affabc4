"""Tron's networks: the client of their nodes, and what plans own transactions there."""
