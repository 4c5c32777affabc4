"""What things are worth, and what a payer is asked for a price."""
