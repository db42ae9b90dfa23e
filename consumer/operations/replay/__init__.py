"""Passes events that were archived, quarantined or saved through handlers, without the queue."""
