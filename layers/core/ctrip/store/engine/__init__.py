"""DynamoDB without a subject: calls, retries, errors and documents."""
