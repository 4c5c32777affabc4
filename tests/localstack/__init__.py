"""The packaged application on LocalStack, driven by its API Gateway, event sources and schedules."""
