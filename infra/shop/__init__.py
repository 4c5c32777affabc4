"""A small shop for `make up`: three products, paid by the hosted checkout, shipped when a verified webhook says so."""
