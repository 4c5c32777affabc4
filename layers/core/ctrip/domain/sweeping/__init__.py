"""Own transactions: what they move, what they offer for gas, where they may go."""
