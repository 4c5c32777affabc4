"""What an EVM chain's addresses, links and transactions are, without a node."""
