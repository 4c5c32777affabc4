"""What leaves for the merchants' own servers."""
