"""The ledger: double entry, append-only; balances are what entries add up to."""
