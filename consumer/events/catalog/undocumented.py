"""Events that Canvas's code sends, without a published payload."""

from __future__ import annotations

from typing import ClassVar

from consumer.events.catalog.discussion import DiscussionEntry
from consumer.events.catalog.fields import (
    AnyId,
    Flag,
    GlobalId,
    Integer,
    LocalId,
    OpaqueId,
    Open,
    Text,
    Time,
    about,
)
from consumer.events.catalog.undocumented_parts import (
    BlueprintSubscription,
    Duplication,
    ExportedAssignment,
    OutcomeFriendlyDescription,
    QtiExport,
    Undocumented,
)


class BlueprintRestrictionsUpdated(Undocumented):
    """What may be changed of one thing that came from a blueprint course changed."""

    event_name: ClassVar[str] = "blueprint_restrictions_updated"
    entity: ClassVar[tuple[str, str]] = ("assignment", "canvas_assignment_id")

    canvas_assignment_id: LocalId = about("The assignment.", of="assignment")
    canvas_course_id: LocalId = about("The blueprint course.", of="course")
    canvas_course_uuid: OpaqueId = about(
        "The blueprint course, as other services know it.", of="course"
    )
    lti_resource_link_id: OpaqueId = about("Its link to an LTI tool.", of="lti_resource_link")
    restrictions: Open = about("What can't be changed, such as content or due dates.")
    use_default_restrictions: Flag = about("The restrictions of the blueprint hold.")


class BlueprintSubscriptionCreated(BlueprintSubscription):
    """A course was tied to a blueprint course."""

    event_name: ClassVar[str] = "blueprint_subscription_created"


class BlueprintSubscriptionDeleted(BlueprintSubscription):
    """A course is no longer tied to a blueprint course."""

    event_name: ClassVar[str] = "blueprint_subscription_deleted"


class ContentExportCreated(Undocumented):
    """An export of content was asked for."""

    event_name: ClassVar[str] = "content_export_created"
    entity: ClassVar[tuple[str, str]] = ("content_export", "content_export_id")

    content_export_id: GlobalId = about("The export.", of="content_export")
    export_type: Text = about(
        "Into what.", values=("common_cartridge", "quizzes2", "qti", "course_copy")
    )
    created_at: Time = about("When it was asked for.")
    context_id: LocalId = about("What is exported; `context_type` says of what.", of="context")
    context_type: Text = about("What kind of thing that is.", values=("Course", "Group", "User"))
    context_uuid: OpaqueId = about("The same, as other services know it.", of="context")
    settings: Open = about("How it is done.")


class ConvertNewQuizYoutubeLink(Undocumented):
    """A YouTube video in New Quizzes is to be replaced by one of Studio."""

    event_name: ClassVar[str] = "convert_new_quiz_youtube_link"
    entity: ClassVar[tuple[str, str]] = ("quizzes.resource", "resource_id")

    resource_id: OpaqueId = about("What the video is in, in New Quizzes.", of="resource")
    resource_type: Text = about(
        "What that is.",
        values=("QuizzesNext::Quiz", "QuizzesNext::Quiz:Item", "QuizzesNext::Bank:Stimulus"),
    )
    field: Text = about("The part of it that the video is in.")
    src: Text = about("The address of the video.")
    new_html: Text = about("What is to stand in its place, as HTML.")


class DefaultBlueprintRestrictionsUpdated(Undocumented):
    """What may be changed of things that come from a blueprint course changed."""

    event_name: ClassVar[str] = "default_blueprint_restrictions_updated"
    entity: ClassVar[tuple[str, str]] = ("course", "canvas_course_id")

    canvas_course_id: LocalId = about("The blueprint course.", of="course")
    canvas_course_uuid: OpaqueId = about(
        "The blueprint course, as other services know it.", of="course"
    )
    restrictions: Open = about("What can't be changed; may be by type, such as Quizzes::Quiz.")


class DiscussionEntryDeleted(DiscussionEntry):
    """What somebody had written in a discussion was deleted."""

    event_name: ClassVar[str] = "discussion_entry_deleted"
    documented: ClassVar[bool] = False


class DiscussionEntryUpdated(DiscussionEntry):
    """What somebody had written in a discussion changed."""

    event_name: ClassVar[str] = "discussion_entry_updated"
    documented: ClassVar[bool] = False


class Heartbeat(Undocumented):
    """Instructure tests its own delivery; not about anything."""

    event_name: ClassVar[str] = "heartbeat"

    environment: Text = about("Of which Canvas.", values=("production", "beta"))
    region: Text = about("Where it runs.", values=("us-east-1", "not_configured"))
    region_code: Text = about("The same, shorter.", values=("iad", "not_configured"))


class MasterMigrationCompleted(Undocumented):
    """A blueprint course was synchronized to its courses."""

    event_name: ClassVar[str] = "master_migration_completed"
    entity: ClassVar[tuple[str, str]] = ("master_migration", "master_migration_id")

    master_migration_id: LocalId = about("The synchronization.", of="master_migration")
    master_template_id: LocalId = about("The blueprint.", of="master_template")
    account_id: GlobalId = about("The account that the blueprint course is in.", of="account")
    account_uuid: OpaqueId = about("That account, as other services know it.", of="account")
    blueprint_course_id: GlobalId = about("The blueprint course.", of="course")
    blueprint_course_uuid: OpaqueId = about(
        "The blueprint course, as other services know it.", of="course"
    )


class MasterTemplateCreated(Undocumented):
    """A course became a blueprint."""

    event_name: ClassVar[str] = "master_template_created"
    entity: ClassVar[tuple[str, str]] = ("master_template", "master_template_id")

    master_template_id: LocalId = about("The blueprint.", of="master_template")
    account_id: GlobalId = about("The account that the course is in.", of="account")
    account_uuid: OpaqueId = about("That account, as other services know it.", of="account")
    blueprint_course_id: GlobalId = about("The course.", of="course")
    blueprint_course_uuid: OpaqueId = about("The course, as other services know it.", of="course")
    blueprint_course_title: Text = about("What the course is called.")
    blueprint_course_workflow_state: Text = about(
        "Where the course stands.", values=("claimed", "available", "completed", "deleted")
    )


class OutcomeFriendlyDescriptionCreated(OutcomeFriendlyDescription):
    """A learning outcome got a description in plain words."""

    event_name: ClassVar[str] = "outcome_friendly_description_created"


class OutcomeFriendlyDescriptionUpdated(OutcomeFriendlyDescription):
    """The description of a learning outcome in plain words changed, or was deleted."""

    event_name: ClassVar[str] = "outcome_friendly_description_updated"

    updated_at: Time = about("When it was changed.")


class QuizExportComplete(Undocumented):
    """A classic quiz was exported, to become a New Quiz."""

    event_name: ClassVar[str] = "quiz_export_complete"
    entity: ClassVar[tuple[str, str]] = ("content_export", "content_export_id")

    content_export_id: OpaqueId = about(
        "The export: its global id behind `content-export-`.", of="content_export"
    )
    assignment: ExportedAssignment | None = about("The assignment that it becomes.")
    qti_export: QtiExport | None = about("The file with the quiz.")


class QuizExtensionCreated(Undocumented):
    """A student got more time or more attempts for a classic quiz."""

    event_name: ClassVar[str] = "quiz_extension_created"
    entity: ClassVar[tuple[str, str]] = ("quiz", "quiz_id")

    quiz_id: GlobalId = about("The quiz.", of="quiz")
    user_id: GlobalId = about("The student.", of="user", privacy="identifier")
    extra_attempts: Integer = about("So many attempts more.", privacy="education")
    extra_time: Integer = about("So many minutes more.", privacy="education")
    manually_unlocked: Flag = about("They can take it though it is locked.", privacy="education")


class QuizzesNextMigrationUrlsComplete(Duplication):
    """The links between copied New Quizzes were put in order."""

    event_name: ClassVar[str] = "quizzes_next_migration_urls_complete"
    entity: ClassVar[tuple[str, str]] = ("content_migration", "migrated_urls_content_migration_id")

    migrated_urls_content_migration_id: GlobalId = about(
        "The import that put them in order.", of="content_migration"
    )


class QuizzesNextQuizDuplicated(Duplication):
    """A course with New Quizzes was copied."""

    event_name: ClassVar[str] = "quizzes_next_quiz_duplicated"

    new_course_resource_link_id: OpaqueId = about("The copy, as LTI tools know it.", of="course")
    new_course_name: Text = about("What the copy is called.")
    created_on_blueprint_sync: Flag = about("A blueprint course brought it here.")
    remove_alignments: Flag = about("Outcomes do not come along.")
    status: Text = about("Where it stands.", values=("duplicating", "outcome_alignment_cloning"))
    new_course_id: AnyId = about("The copy.", of="course")
    new_assignment_id: AnyId = about("The copy of the assignment.", of="assignment")
    original_course_id: OpaqueId = about(
        "The course that was copied, in older versions.", of="course"
    )
    original_resource_link_id: OpaqueId = about(
        "The assignment that was copied, in older versions.", of="assignment"
    )
    new_resource_link_id: OpaqueId = about("Its copy, in older versions.", of="assignment")
    original_assignment_resource_link_id: OpaqueId = about(
        "The assignment that was copied, as LTI tools know it.", of="assignment"
    )
    new_assignment_resource_link_id: OpaqueId = about(
        "Its copy, as LTI tools know it.", of="assignment"
    )


class ScanYoutubeLinks(Undocumented):
    """New Quizzes is asked which videos of YouTube a course has in it."""

    event_name: ClassVar[str] = "scan_youtube_links"
    entity: ClassVar[tuple[str, str]] = ("course", "canvas_id")

    scan_id: LocalId = about("The scan.", of="scan")
    canvas_id: GlobalId = about("The course.", of="course")
    external_tool_id: LocalId = about("New Quizzes, as a tool of the course.", of="tool")
