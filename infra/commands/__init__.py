"""The make targets, one a file."""
