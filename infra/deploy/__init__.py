"""Deploys a packaged stage with CloudFormation: both stacks, by change sets that are shown and approved."""
