"""The figures of a stage: counted from events, and read."""
