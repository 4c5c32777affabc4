"""What the services need of the world, as Protocols; adapters implement them and know nothing of each other."""
