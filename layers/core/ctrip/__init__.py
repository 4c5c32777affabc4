"""cTrip: a self-hosted crypto payment gateway; this package is the gateway itself, without its Lambda entry points."""
