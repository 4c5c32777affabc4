"""From what was seen on a chain to the next step of a payment."""
