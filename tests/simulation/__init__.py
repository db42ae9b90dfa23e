"""The engine against a queue with SQS's semantics and bad days: `python -m tests.simulation`."""
