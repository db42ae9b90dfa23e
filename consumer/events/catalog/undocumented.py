"""Events that Canvas's source sends, without a published payload."""

from .base import CanvasBody, Record
from .content import DiscussionEntry, MasterMigration
from .fields import AnyId, Flag, GlobalId, Int, LocalId, Number, OpaqueId, Open, Text, Time, about


class Undocumented(CanvasBody, abstract=True, documented=False):
    """An event whose fields are known from Canvas's source only."""


class BlueprintRestrictionsUpdated(Undocumented):
    """The restrictions of one item of a blueprint course changed."""

    canvas_assignment_id: LocalId = about("The assignment.", of="assignment")
    canvas_course_id: LocalId = about("The blueprint course.", of="course")
    canvas_course_uuid: OpaqueId = about("UUID of the blueprint course.", of="course")
    lti_resource_link_id: OpaqueId = about("LTI ID of its link.", of="lti_resource_link")
    restrictions: Open = about("What can't be changed, such as content or due dates.")
    use_default_restrictions: Flag = about("True if the blueprint's restrictions apply.")


class BlueprintSubscription(Undocumented, abstract=True):
    child_subscription_id: LocalId = about("The association.", of="child_subscription")
    child_course_uuid: OpaqueId = about("UUID of the course.", of="course")
    child_course_account_uuid: OpaqueId = about("UUID of the course's account.", of="account")
    master_template_id: LocalId = about("The blueprint.", of="master_template")
    master_course_uuid: OpaqueId = about("UUID of the blueprint course.", of="course")
    master_template_account_uuid: OpaqueId = about("UUID of its account.", of="account")


class BlueprintSubscriptionCreated(BlueprintSubscription):
    """A course was associated with a blueprint course."""


class BlueprintSubscriptionDeleted(BlueprintSubscription):
    """A course is no longer associated with a blueprint course."""


class ContentExportCreated(Undocumented):
    """An export of content was requested."""

    content_export_id: GlobalId = about("The export.", of="content_export")
    export_type: Text = about("Type.", values="common_cartridge quizzes2 qti course_copy")
    created_at: Time = about("When it was requested.")
    context_id: LocalId = about("The exported object (see `context_type`).", of="context")
    context_type: Text = about("Type of `context_id`.", values="Course Group User")
    context_uuid: OpaqueId = about("UUID of the exported object.", of="context")
    settings: Open = about("Settings of the export.")


class ConvertNewQuizYoutubeLink(Undocumented, entity=("quizzes.resource", "resource_id")):
    """A YouTube video in New Quizzes will be replaced with a Studio video."""

    resource_id: OpaqueId = about("What contains the video, in New Quizzes.", of="resource")
    resource_type: Text = about(
        "Type of `resource_id`.",
        values="QuizzesNext::Quiz QuizzesNext::Quiz:Item QuizzesNext::Bank:Stimulus",
    )
    field: Text = about("The field of it that contains the video.")
    src: Text = about("URL of the video.")
    new_html: Text = about("The replacement, as HTML.")


class DefaultBlueprintRestrictionsUpdated(Undocumented):
    """The default restrictions of a blueprint course changed."""

    canvas_course_id: LocalId = about("The blueprint course.", of="course")
    canvas_course_uuid: OpaqueId = about("UUID of the blueprint course.", of="course")
    restrictions: Open = about("What can't be changed; may be by type, such as Quizzes::Quiz.")


class DiscussionEntryDeleted(Undocumented, DiscussionEntry):
    """An entry in a discussion was deleted."""


class DiscussionEntryUpdated(Undocumented, DiscussionEntry):
    """An entry in a discussion was edited."""


class Heartbeat(Undocumented):
    """Instructure tests its own delivery; it says nothing about Canvas."""

    environment: Text = about("Environment of Canvas.", values="production beta")
    region: Text = about("Region of the servers.", values="us-east-1 not_configured")
    region_code: Text = about("Short form of `region`.", values="iad not_configured")


class MasterMigrationCompleted(Undocumented, MasterMigration):
    """The synchronization of a blueprint course finished."""

    master_migration_id: LocalId = about("The synchronization.", of="master_migration")
    master_template_id: LocalId = about("The blueprint.", of="master_template")


class MasterTemplateCreated(Undocumented):
    """A course became a blueprint course."""

    master_template_id: LocalId = about("The blueprint.", of="master_template")
    account_id: GlobalId = about("The account of the course.", of="account")
    account_uuid: OpaqueId = about("UUID of that account.", of="account")
    blueprint_course_id: GlobalId = about("The course.", of="course")
    blueprint_course_uuid: OpaqueId = about("UUID of the course.", of="course")
    blueprint_course_title: Text = about("Name of the course.")
    blueprint_course_workflow_state: Text = about(
        "State of the course.", values="claimed available completed deleted"
    )


class OutcomeFriendlyDescription(Undocumented, abstract=True):
    outcome_friendly_description_id: LocalId = about("Its ID.", of="outcome_friendly_description")
    learning_outcome_id: LocalId = about("The outcome.", of="learning_outcome")
    learning_outcome_context_uuid: OpaqueId = about("UUID of its context.", of="context")
    context_id: LocalId = about("The course or account (see `context_type`).", of="context")
    context_type: Text = about("Type of `context_id`.", values="Account Course")
    root_account_id: LocalId = about("The root account (the institution).", of="account")
    description: Text = about("The friendly description.")
    workflow_state: Text = about("State.", values="active deleted")


class OutcomeFriendlyDescriptionCreated(OutcomeFriendlyDescription):
    """The friendly description of a learning outcome was created."""


class OutcomeFriendlyDescriptionUpdated(OutcomeFriendlyDescription):
    """The friendly description of a learning outcome changed, or was deleted."""

    updated_at: Time = about("When it was changed.")


class ExportedAssignment(Record):
    """The assignment of an exported quiz."""

    resource_link_id: OpaqueId = about("LTI ID of the assignment.", of="lti_resource_link")
    assignment_id: GlobalId = about("The assignment.", of="assignment")
    title: Text = about("Title.")
    context_title: Text = about("Name of the course.")
    course_uuid: OpaqueId = about("UUID of the course.", of="course")
    points_possible: Number = about("Maximum points.")


class QtiExport(Record):
    """The file with the exported quiz."""

    url: Text = about("Signed URL of the file.", privacy="secret")


class QuizExportComplete(Undocumented):
    """A classic quiz was exported to New Quizzes."""

    content_export_id: OpaqueId = about("`content-export-` and the global ID.", of="content_export")
    assignment: ExportedAssignment | None = about("The assignment of the quiz.")
    qti_export: QtiExport | None = about("The exported file.")


class QuizExtensionCreated(Undocumented):
    """A student got more time or more attempts for a classic quiz."""

    quiz_id: GlobalId = about("The quiz.", of="quiz")
    user_id: GlobalId = about("The student.", of="user", privacy="identifier")
    extra_attempts: Int = about("Additional attempts.", privacy="education")
    extra_time: Int = about("Additional minutes.", privacy="education")
    manually_unlocked: Flag = about("True if it was unlocked for them.", privacy="education")


class Duplication(Undocumented, abstract=True, entity=("", "")):
    """Common fields of events about copied New Quizzes."""

    original_course_uuid: OpaqueId = about("UUID of the copied course.", of="course")
    new_course_uuid: OpaqueId = about("UUID of the copy.", of="course")
    domain: Text = about("Host name of the institution.")
    resource_map_url: Text = about("Signed URL of a map from old to new IDs.", privacy="secret")


class QuizzesNextMigrationUrlsComplete(
    Duplication, entity=("content_migration", "migrated_urls_content_migration_id")
):
    """The links between copied New Quizzes were updated."""

    migrated_urls_content_migration_id: GlobalId = about("The import.", of="content_migration")


class QuizzesNextQuizDuplicated(Duplication):
    """A course with New Quizzes was copied."""

    new_course_resource_link_id: OpaqueId = about("LTI ID of the copy.", of="course")
    new_course_name: Text = about("Name of the copy.")
    created_on_blueprint_sync: Flag = about("True if a blueprint synchronization created it.")
    remove_alignments: Flag = about("True if outcome alignments are not copied.")
    status: Text = about("State.", values="duplicating outcome_alignment_cloning")
    new_course_id: AnyId = about("The copy.", of="course")
    new_assignment_id: AnyId = about("The new assignment.", of="assignment")
    original_course_id: OpaqueId = about("The copied course. Older versions only.", of="course")
    original_resource_link_id: OpaqueId = about("The original. Older versions.", of="assignment")
    new_resource_link_id: OpaqueId = about("The new one. Older versions only.", of="assignment")
    original_assignment_resource_link_id: OpaqueId = about("LTI ID of the source.", of="assignment")
    new_assignment_resource_link_id: OpaqueId = about("LTI ID of the copy.", of="assignment")


class ScanYoutubeLinks(Undocumented, entity=("course", "canvas_id")):
    """New Quizzes is requested to find the YouTube videos in a course."""

    scan_id: LocalId = about("The scan.", of="scan")
    canvas_id: GlobalId = about("The course.", of="course")
    external_tool_id: LocalId = about("New Quizzes, as a tool of the course.", of="tool")
