"""Money that leaves: settlements to merchants and refunds to payers, called payouts where they are treated alike."""
