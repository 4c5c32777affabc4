"""The clients that are published beside the gateway."""
