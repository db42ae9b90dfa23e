"""The SQS consumer for Canvas LMS Live Events.

Every event that Canvas put into the queue reaches every handler that asked for it, and is deleted
only after all of them succeeded.
"""

__version__ = "0.1.0"
