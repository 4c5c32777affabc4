"""HTTP resources, a file each."""
