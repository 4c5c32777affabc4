"""AWS on this machine: API Gateway, Lambda and queues before the app, moto behind it, and a record of what is asked."""
