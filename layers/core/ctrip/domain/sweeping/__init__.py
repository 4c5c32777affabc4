"""Own transactions: what they move, what they are for, where they may go."""
