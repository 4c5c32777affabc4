"""Clients that are generated from the API's description, in six languages, and used."""
