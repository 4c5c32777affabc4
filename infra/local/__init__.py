"""The local stack: an AWS on loopback, a chain, and the gateway's triggers driven as AWS would drive them."""
