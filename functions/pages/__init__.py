"""The pages that people open, and the description of the API."""
