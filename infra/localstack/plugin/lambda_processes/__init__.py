"""Runs LocalStack's Lambda functions as child processes, without Docker: LAMBDA_RUNTIME_EXECUTOR=process.

LocalStack keeps doing everything else: event sources, schedules, API Gateway, repetitions, concurrency. There is no
isolation and no limit of memory. The interface is private to LocalStack, whose version is pinned for it.
"""
