"""Money that leaves: asked for, approved, booked, sent."""
