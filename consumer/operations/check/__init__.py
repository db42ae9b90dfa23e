"""`consume check`: each file has the checks of one topic; run.py calls them all."""

from consumer.operations.check.results import Level, Result

__all__ = ["Level", "Result"]
