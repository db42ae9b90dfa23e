"""Fakes that behave: an in-memory queue with SQS semantics, a manual clock, factories."""
