"""Events on their way to merchants: deliver, repeat, read."""
