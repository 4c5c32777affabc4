"""What merchants are owed, and how it came about."""
