"""Reading the audit chains, and sealing them each hour."""
