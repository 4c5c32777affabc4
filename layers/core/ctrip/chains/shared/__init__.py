"""What clients of every chain kind are made of: requests with a deadline, breakers, windows, secrets struck out."""
