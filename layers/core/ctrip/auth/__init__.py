"""Passwords, tokens and one-time codes behind the ports."""
