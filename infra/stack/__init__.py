"""What `make up` supervises: an AWS, a chain, the gateway on both, and what it begins with."""
