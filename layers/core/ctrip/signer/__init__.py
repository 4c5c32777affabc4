"""Private keys; the signer function alone imports this."""
