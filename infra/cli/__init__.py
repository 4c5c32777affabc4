"""The operator's command line: `ctrip`. It speaks to a stage's tables with the operator's own AWS credentials."""
