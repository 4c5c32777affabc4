"""geth as a local chain: built from its source, in its developer mode or driven by a small consensus client."""
