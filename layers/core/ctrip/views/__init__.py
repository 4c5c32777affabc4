"""What the world sees of the domain: HTTP answers, webhooks, the command line."""
