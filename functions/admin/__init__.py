"""The admin API, a subject a file."""
