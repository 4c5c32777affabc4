"""Use cases, one a file, named by their verb; they know the ports and the domain only."""
