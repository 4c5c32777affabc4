"""SQS, KMS, Secrets Manager and Lambda behind the ports."""
