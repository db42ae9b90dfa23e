"""Blueprint courses that are synchronized."""

from __future__ import annotations

from typing import ClassVar

from consumer.events.catalog.base import CanvasBody
from consumer.events.catalog.fields import AnyId, GlobalId, OpaqueId, about


class MasterMigrationStarted(CanvasBody):
    """A blueprint course began to be synchronized to its courses."""

    event_name: ClassVar[str] = "master_migration_started"
    in_source: ClassVar[bool] = False
    entity: ClassVar[tuple[str, str]] = ("master_migration", "master_migration_id")

    master_migration_id: AnyId = about("The synchronization.", of="master_migration")
    master_template_id: AnyId = about("The blueprint.", of="master_template")
    account_id: GlobalId = about("The account that the blueprint course is in.", of="account")
    account_uuid: OpaqueId = about("That account, as other services know it.", of="account")
    blueprint_course_id: GlobalId = about("The blueprint course.", of="course")
    blueprint_course_uuid: OpaqueId = about(
        "The blueprint course, as other services know it.", of="course"
    )
