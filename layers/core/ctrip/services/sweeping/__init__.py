"""From deposits to the treasury: sign, send, follow, replace."""
