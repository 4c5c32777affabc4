"""What is deployed: the archive that Lambda runs, and Chalice's part of the template."""
