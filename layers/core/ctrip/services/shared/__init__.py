"""What several use cases need: from a decision to its transaction, first answers again, notifying queues."""
