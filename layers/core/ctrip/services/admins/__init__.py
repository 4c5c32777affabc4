"""The people who operate a stage: accounts, sign-in, lockout."""
