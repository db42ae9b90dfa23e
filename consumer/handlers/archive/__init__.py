"""The archive handler: every event durably in JSON lines, before its message is deleted."""

from consumer.handlers.archive.handler import factory

__all__ = ["factory"]
