"""A payment as it stands, and the table of its life."""
