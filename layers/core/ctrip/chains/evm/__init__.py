"""EVM networks, read and written over JSON-RPC."""
