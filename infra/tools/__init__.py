"""Programs that are fetched or built, child processes, ports."""
