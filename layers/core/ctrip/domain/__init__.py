"""The pure core: decisions about money, with no clock, no randomness and no I/O."""
