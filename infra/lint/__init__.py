"""Lints what CloudFormation will work on: the expanded templates of a packaged stage, and every policy."""
