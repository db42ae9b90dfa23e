"""Imports from a student information system."""

from __future__ import annotations

from typing import ClassVar

from consumer.events.catalog.base import CanvasBody
from consumer.events.catalog.fields import LocalId, Text, about


class SisBatch(CanvasBody):
    """What the events about an import have in common."""

    entity: ClassVar[tuple[str, str]] = ("sis_batch", "sis_batch_id")

    sis_batch_id: LocalId = about("The import.", of="sis_batch")
    account_id: LocalId = about("The account that it is for.", of="account")
    workflow_state: Text = about(
        "Where it stands.",
        values=(
            "initializing",
            "created",
            "importing",
            "imported",
            "imported_with_messages",
            "failed",
            "failed_with_messages",
        ),
    )


class SisBatchCreated(SisBatch):
    """An import from a student information system was set up."""

    event_name: ClassVar[str] = "sis_batch_created"


class SisBatchUpdated(SisBatch):
    """An import from a student information system went on, ended, or failed."""

    event_name: ClassVar[str] = "sis_batch_updated"
