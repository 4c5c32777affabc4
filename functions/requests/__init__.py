"""What requests may hold, by subject, as pydantic models."""
