"""What Tron's networks are named by in `chains.yaml`: the kind itself is not built yet."""
