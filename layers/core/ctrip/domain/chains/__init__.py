"""Networks, what can be paid on them, and what a chain shows."""
