"""Chain clients, a package a kind; they share `ctrip.ports`, not a base class."""
