"""The change that an event reports, in both formats."""

import json
from pathlib import Path
from typing import Any

from consumer.events.catalog import model_of, names
from consumer.events.catalog.describe import fields_of
from consumer.events.decode import decode
from consumer.events.samples import sample_message
from consumer.messages import Event, Format
from consumer.testing import make_event, make_message
from tests.cases import for_each
from tests.events.test_corpus import each_file, event_in

KEY = "com.instructure.canvas"

#: Nothing was created, updated or deleted; or it is not known which of them.
NO_CHANGE = {
    "asset_accessed", "content_migration_completed", "content_migration_started",
    "conversation_forwarded", "convert_new_quiz_youtube_link", "course_completed",
    "course_grade_change", "course_progress", "discussion_entry_submitted",
    "final_grade_custom_status", "grade_change", "grade_override", "heartbeat", "logged_in",
    "logged_out", "master_migration_completed", "master_migration_started",
    "outcomes.retry_outcome_alignment_clone", "plagiarism_resubmit", "quiz_export_complete",
    "quiz_submitted", "quizzes_next_migration_urls_complete", "quizzes_next_quiz_duplicated",
    "rubric_assessed", "scan_youtube_links", "submission_custom_grade_status",
    "quizzes.qti_import_completed", "quizzes.quiz_graded", "quizzes.quiz_session_graded",
    "quizzes.quiz_session_submitted", "quizzes.quiz_session_ungraded", "quizzes-lti.grade_changed",
    "quiz_caliper.asset_accessed", "quiz_caliper.quiz_started", "quiz_caliper.quiz_submitted",
}  # fmt: skip
DELETED = {
    "attachment_deleted", "blueprint_subscription_deleted", "discussion_entry_deleted",
    "wiki_page_deleted",
}  # fmt: skip
#: Updates without a state, which would show a deletion.
WITHOUT_STATE = {
    "attachment_updated", "blueprint_restrictions_updated",
    "default_blueprint_restrictions_updated", "discussion_entry_updated",
    "group_category_updated", "quiz_caliper.item_updated", "quiz_caliper.quiz_session_updated",
    "quiz_caliper.quiz_updated", "quizzes.item_updated", "quizzes.quiz_clone_job_updated",
    "quizzes.quiz_updated", "syllabus_updated",
}  # fmt: skip


def sample(name: str, event_format: Format, seed: int, state: str | None = None) -> Event:
    """A sample with this state."""
    made = sample_message(name, event_format, seed=seed)
    payload = json.loads(made.body)
    field = "state" if name.startswith("enrollment_state") else "workflow_state"
    if state is not None:
        holder = payload.get("body")
        if event_format == "caliper":
            thing = payload["data"][0]["object"]
            holder = thing.setdefault("extensions", {}).setdefault(KEY, {})
        holder[field] = state
    (event,) = decode(make_message(json.dumps(payload), message_attributes=made.attributes))
    return event


def expected(name: str) -> str | None:
    if name in NO_CHANGE:
        return None
    return "deleted" if name in DELETED else name.rpartition("_")[2]


@for_each("event_format", ("canvas", "caliper"))
def test_the_change_follows_from_the_name(event_format: Format) -> None:
    """For any state other than deleted."""
    found = {name: sample(name, event_format, 1, "active").change for name in names(event_format)}

    assert found == {name: expected(name) for name in names(event_format)}
    assert set(found.values()) == {"created", "updated", "deleted", None}


@for_each("event_format", ("canvas", "caliper"))
def test_an_update_to_the_state_deleted_is_a_deletion(event_format: Format) -> None:
    """Only an update; the state changes nothing for other events."""
    for name in names(event_format):
        change = expected(name)
        assert sample(name, event_format, 1, "deleted").change == (
            "deleted" if change == "updated" else change
        ), name


def test_both_formats_report_the_same_change() -> None:
    """For samples of the same facts, with any state."""
    seen = set()

    for seed in range(30):  # outside: to make the university of a seed takes long
        for name in names("caliper"):
            canvas, caliper = (sample(name, f, seed).change for f in ("canvas", "caliper"))
            assert canvas == caliper, (name, seed)
            seen.add((name, canvas))

    assert {("assignment_updated", "deleted"), ("enrollment_state_updated", "deleted")} <= seen
    assert {("assignment_updated", "updated"), ("enrollment_state_updated", "updated")} <= seen


def test_each_update_lists_the_state_deleted() -> None:
    """Except things without such a state (imports) or without a published one (submissions)."""
    updates = {name for name in names() if expected(name) == "updated"}
    stated = {
        name: {value for facts in fields_of(model) for value in facts.marks.values}
        for name in updates
        if (model := model_of(name)) is not None
        and {"workflow_state", "state"} & {facts.key for facts in fields_of(model)}
    }

    assert updates - set(stated) == WITHOUT_STATE & updates
    assert {name for name, values in stated.items() if "deleted" not in values} == {
        "sis_batch_updated",
        "submission_updated",
    }


@for_each(
    "name, event_format, body, change",
    (
        ("course_deleted", "canvas", {}, "deleted"),
        ("course_restored", "canvas", {"workflow_state": "deleted"}, "restored"),
        ("course_updated", "canvas", {"workflow_state": "available"}, "updated"),
        ("course_updated", "canvas", {"workflow_state": ["deleted"]}, "updated"),
        ("course_updated", "canvas", {"workflow_state": {"deleted": 1}}, "updated"),
        ("course_updated", "canvas", {"workflow_state": "Deleted"}, "updated"),
        ("course_updated", "canvas", {"course": {"workflow_state": "deleted"}}, "updated"),
        ("created", "canvas", {}, None),
        ("recreated", "canvas", {}, None),
        ("thing_created\n", "canvas", {}, None),
        ("Event.Created.Group", "caliper", {"action": "Created"}, "created"),
        ("Event.Modified.Group", "caliper", {"action": "Modified"}, "updated"),
        ("Event.Deleted.Group", "caliper", {"action": "Deleted"}, "deleted"),
        ("Event.Restored.Group", "caliper", {"action": "Restored"}, "restored"),
        ("Event.Used.Group", "caliper", {"action": "Used"}, None),
        ("Event.Modified.Group", "caliper",
         {"action": "Modified", "object": {"extensions": {KEY: {"workflow_state": "deleted"}}}},
         "deleted"),
        ("Event.Modified.Group", "caliper",
         {"action": "Modified", "object": {"workflow_state": "deleted"}}, "updated"),
        ("group_updated", "caliper", {"action": "Deleted"}, "deleted"),
        ("group_updated", "caliper", {"action": None, "object": "urn:x"}, "updated"),
        ("group_updated", "caliper", {"action": [], "object": {"extensions": [KEY]}}, "updated"),
        ("x", "caliper", {"action": {"a": 1}, "object": {"extensions": {KEY: 7}}}, None),
    ),
)  # fmt: skip
def test_any_event_has_a_change_or_none(
    name: str, event_format: Format, body: dict[str, Any], change: str | None
) -> None:
    """New names, Caliper without a Canvas name, and odd values."""
    assert make_event(name, format=event_format, body=body).change == change


@each_file
def test_documented_payloads_have_the_expected_change(file: Path) -> None:
    """Including deletions by state."""
    event, payload, _ = event_in(file)
    holder = payload["body"] if event.format == "canvas" else payload["data"][0]["object"]
    extra = holder.get("extensions", {}).get(KEY, {})
    deleted = "deleted" in {(holder | extra).get("workflow_state"), extra.get("state")}

    change = expected(event.name)
    assert event.change == ("deleted" if deleted and change == "updated" else change)
