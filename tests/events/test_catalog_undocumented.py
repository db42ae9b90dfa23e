"""The models of events without a published payload, with hand-made bodies."""

from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import ValidationError

from consumer.events.catalog import model_of
from consumer.events.catalog.base import EventData
from consumer.events.catalog.describe import all_fields_of, fields_of
from consumer.events.catalog.index import categories
from consumer.testing import make_event
from tests.cases import for_each

UUID = "RuBP4jfbRXyaG6LpOFW70jkZyFmj5beZxeGO5bMB"
GLOBAL, LOCAL = "21070000000000565", "565"
TIME = "2026-09-01T10:00:00Z"

SUBSCRIPTION = {
    "master_template_account_uuid": UUID,
    "master_template_id": "3",
    "master_course_uuid": UUID,
    "child_subscription_id": "4",
    "child_course_uuid": UUID,
    "child_course_account_uuid": UUID,
}
BLUEPRINT = {
    "master_template_id": "3",
    "account_id": "21070000000000001",
    "account_uuid": UUID,
    "blueprint_course_id": GLOBAL,
    "blueprint_course_uuid": UUID,
}
DESCRIPTION = {
    "outcome_friendly_description_id": "5",
    "context_type": "Course",
    "context_id": LOCAL,
    "description": "I can add.",
    "workflow_state": "active",
    "learning_outcome_id": "6",
    "learning_outcome_context_uuid": UUID,
    "root_account_id": "1",
}
ENTRY = {
    "user_id": "7",
    "created_at": TIME,
    "discussion_entry_id": "8",
    "discussion_topic_id": "9",
    "text": "<p>I agree.</p>",
    "parent_discussion_entry_id": "6",
}
ITEM = {
    "id": "35",
    "title": None,
    "label": "1",
    "item_body": "<p>Which?</p>",
    "properties": {"shuffle_rules": {"choices": {"shuffled": True}}, "show_word_count": False},
    "interaction_data": {"choices": [{"id": "9ee5", "position": 1, "item_body": "<p>a</p>"}]},
    "user_response_type": "Uuid",
    "outcome_alignment_set_guid": None,
    "scoring_data": {"value": "9ee5"},
    "scoring_algorithm": "Equivalence",
}
CLONE_JOB = {"id": "7", "original_quiz_id": "8", "status": "in_progress"}
QUIZ = {
    "id": "8",
    "title": "Week 1",
    "instructions": "<p>Think.</p>",
    "context_id": "9",
    "owner": UUID,
    "has_time_limit": True,
    "due_at": TIME,
    "lock_at": None,
    "session_time_limit_in_seconds": 3600,
    "shuffle_questions": False,
    "shuffle_answers": True,
    "status": "unpublished",
    "outcome_alignment_set_guid": None,
}
SESSION = {
    "accepted_student_access_code_at": None,
    "allow_backtracking": True,
    "attempt": 1,
    "authoritative_result_id": "6",
    "created_at": TIME,
    "end_at": None,
    "grade_passback_guid": UUID,
    "graded_url": "https://quiz.example.edu/graded/9",
    "id": "9",
    "invalidated_student_access_code_at": None,
    "one_at_a_time_type": "none",
    "passback_url": "https://canvas.example.edu/passback",
    "points_possible": 10.0,
    "quiz_id": "8",
    "session_items_count": 5,
    "start_at": TIME,
    "status": "submitted",
    "submitted_at": TIME,
    "updated_at": TIME,
    "exclude_from_stats": False,
}
SEEN = {"id": "8", "title": "Week 1"}
SEEN_ITEM = {"id": "35", "title": None, "label": "1"}
SEEN_SESSION = {
    "created_at": TIME,
    "end_at": None,
    "id": "9",
    "start_at": TIME,
    "status": "in_progress",
    "submitted_at": None,
}

#: All known fields, with values of the types that Canvas's source or receivers show.
BODIES: dict[str, dict[str, Any]] = {
    "blueprint_restrictions_updated": {
        "canvas_assignment_id": "12",
        "canvas_course_id": LOCAL,
        "canvas_course_uuid": UUID,
        "lti_resource_link_id": UUID,
        "restrictions": {"content": True, "due_dates": False},
        "use_default_restrictions": False,
    },
    "blueprint_subscription_created": SUBSCRIPTION,
    "blueprint_subscription_deleted": SUBSCRIPTION,
    "content_export_created": {
        "content_export_id": "21070000000000013",
        "export_type": "common_cartridge",
        "created_at": TIME,
        "context_id": LOCAL,
        "context_uuid": UUID,
        "context_type": "Course",
        "settings": {"quizzes2": {"assignment": {"assignment_id": "12"}}},
    },
    "convert_new_quiz_youtube_link": {
        "resource_id": "35",
        "resource_type": "QuizzesNext::Quiz:Item",
        "src": "https://www.youtube.com/embed/abc",
        "field": "item_body",
        "new_html": "<iframe></iframe>",
    },
    "default_blueprint_restrictions_updated": {
        "canvas_course_id": LOCAL,
        "canvas_course_uuid": UUID,
        "restrictions": {"Quizzes::Quiz": {"content": True}, "Assignment": {}},
    },
    "discussion_entry_deleted": ENTRY,
    "discussion_entry_updated": ENTRY,
    "heartbeat": {
        "environment": "production",
        "region_code": "not_configured",
        "region": "us-east-1",
    },
    "master_migration_completed": BLUEPRINT | {"master_migration_id": "14"},
    "master_template_created": BLUEPRINT
    | {"blueprint_course_title": "Algebra", "blueprint_course_workflow_state": "available"},
    "outcome_friendly_description_created": DESCRIPTION,
    "outcome_friendly_description_updated": DESCRIPTION | {"updated_at": TIME},
    "quiz_export_complete": {
        "assignment": {
            "resource_link_id": UUID,
            "assignment_id": "21070000000000012",
            "title": "Week 1",
            "context_title": "Algebra",
            "course_uuid": UUID,
            "points_possible": 10.0,
        },
        "qti_export": {"url": "https://files.example.edu/export.zip?token=1"},
        "content_export_id": "content-export-21070000000000013",
    },
    "quiz_extension_created": {
        "quiz_id": "21070000000000016",
        "user_id": "21070000000000017",
        "extra_attempts": 3,
        "extra_time": 30,
        "manually_unlocked": True,
    },
    "quizzes_next_migration_urls_complete": {
        "original_course_uuid": UUID,
        "new_course_uuid": UUID,
        "domain": "canvas.example.edu",
        "resource_map_url": "https://files.example.edu/map.json?token=1",
        "migrated_urls_content_migration_id": "21070000000000015",
    },
    "quizzes_next_quiz_duplicated": {
        "original_course_uuid": UUID,
        "new_course_uuid": UUID,
        "new_course_resource_link_id": UUID,
        "domain": "canvas.example.edu",
        "new_course_name": "Algebra",
        "created_on_blueprint_sync": False,
        "resource_map_url": "",
        "remove_alignments": False,
        "status": "duplicating",
        # Only sent by older versions.
        "new_assignment_id": "21070000000000012",
        "original_resource_link_id": UUID,
        "new_course_id": UUID,
        "new_resource_link_id": UUID,
        "original_assignment_resource_link_id": UUID,
        "new_assignment_resource_link_id": UUID,
        "original_course_id": UUID,
    },
    "scan_youtube_links": {
        "scan_id": "18",
        "canvas_id": GLOBAL,
        "external_tool_id": "19",
    },
    "quizzes.item_created": ITEM,
    "quizzes.item_updated": ITEM,
    "quizzes.qti_import_completed": {"qti_type": "canvas", "quiz_id": "8", "success": True},
    "quizzes.quiz_clone_job_created": CLONE_JOB,
    "quizzes.quiz_clone_job_updated": CLONE_JOB | {"cloned_quiz_id": "10"},
    "quizzes.quiz_created": QUIZ,
    "quizzes.quiz_graded": {
        "quiz_session_id": "9",
        "quiz_session_result_id": "6",
        "grader_id": "",
        "grading_method": "autograde",
        "status": "graded",
        "score": 1.0,
        "fudge_points": None,
        "points_possible": 1.0,
        "percentage": 1.0,
        "created_at": TIME,
        "updated_at": TIME,
    },
    "quizzes.quiz_session_graded": SESSION,
    "quizzes.quiz_session_submitted": SESSION,
    "quizzes.quiz_session_ungraded": SESSION,
    "quizzes.quiz_updated": QUIZ,
    "quizzes-lti.grade_changed": {"user_uuid": UUID, "quiz_id": "8", "score_to_keep": "7.5"},
    "quiz_caliper.asset_accessed": SEEN,
    "quiz_caliper.item_created": SEEN_ITEM,
    "quiz_caliper.item_updated": SEEN_ITEM,
    "quiz_caliper.quiz_created": SEEN,
    "quiz_caliper.quiz_session_created": SEEN_SESSION,
    "quiz_caliper.quiz_session_updated": SEEN_SESSION,
    "quiz_caliper.quiz_started": SEEN,
    "quiz_caliper.quiz_submitted": SEEN,
    "quiz_caliper.quiz_updated": SEEN,
}
ODD: tuple[Any, ...] = (
    [],
    [[]],
    {},
    {"a": {"b": []}},
    [None],
    "",
    "odd",
    "{",
    "[1]",
    0,
    -1.5,
    10**400,
    True,
    None,
)

each_body = for_each("name, body", BODIES.items())


def model(name: str) -> type[EventData]:
    found = model_of(name)
    assert found is not None
    return found


def empty_texts(body: dict[str, Any], path: str = "") -> Iterator[str]:
    for key, value in body.items():
        if isinstance(value, dict):
            yield from empty_texts(value, f"{path}{key}.")
        elif value is None or value == "":
            yield f"{path}{key}"


def test_each_such_event_has_a_body_here() -> None:
    """All undocumented events, and no documented one."""
    names = {*categories()["undocumented"], *categories()["new_quizzes"]}

    assert set(BODIES) == names
    assert not any(model(name).documented for name in names)


@each_body
def test_a_full_body_is_known_and_unchanged(name: str, body: dict[str, Any]) -> None:
    """Body and model have the same fields, and all values are readable."""
    data = model(name).model_validate(body)

    assert data.unknown_fields() == set()
    assert {facts.key for facts in fields_of(model(name))} == set(body)
    assert data.model_dump(mode="json", by_alias=True, exclude_unset=True) == body
    unread = {key for key in body if getattr(data, key) is None}
    assert unread <= set(empty_texts(body))


@each_body
def test_objects_inside_are_known_too(name: str, body: dict[str, Any]) -> None:
    """If the catalog has a model for them, they have the same fields as that."""
    for facts in fields_of(model(name)):
        if facts.record is not None:
            inner = facts.record.model_validate(body[facts.key])
            assert inner.unknown_fields() == set()
            assert {found.key for found in fields_of(facts.record)} == set(body[facts.key])


@each_body
def test_wrong_types_are_refused_by_validation_only(name: str, body: dict[str, Any]) -> None:
    """Any value of any field is kept unchanged or raises ValidationError."""
    kept = refused = 0

    for key in body:
        for odd in ODD:
            wrong = body | {key: odd}
            try:
                data = model(name).model_validate(wrong)
            except ValidationError:
                refused += 1
            else:
                kept += 1
                assert data.model_dump(mode="json", by_alias=True, exclude_unset=True) == wrong

    assert kept >= len(body)  # at least null in every field
    assert refused


@each_body
def test_a_body_that_is_not_an_object_is_refused(name: str, body: dict[str, Any]) -> None:
    """A list of bodies, too."""
    for wrong in (None, [], [body], "text", 7):
        with pytest.raises(ValidationError):
            model(name).model_validate(wrong)


@for_each("key", ["assignment", "qti_export"])
def test_a_list_instead_of_an_object_is_refused(key: str) -> None:
    """For the objects in an exported quiz."""
    body = BODIES["quiz_export_complete"]

    with pytest.raises(ValidationError):
        model("quiz_export_complete").model_validate(body | {key: [body[key]]})


@for_each(
    "name, kind, number",
    [
        ("master_template_created", "master_template", 3),
        ("content_export_created", "content_export", 13),
        ("quizzes_next_migration_urls_complete", "content_migration", 15),
        ("default_blueprint_restrictions_updated", "course", 565),
        ("discussion_entry_updated", "discussion_entry", 8),
        ("discussion_entry_deleted", "discussion_entry", 8),
        ("quiz_extension_created", "quiz", 16),
        ("scan_youtube_links", "course", 565),
        ("convert_new_quiz_youtube_link", "quizzes.resource", 35),
        ("quizzes.quiz_graded", "quizzes.quiz_session", 9),
        ("quizzes-lti.grade_changed", "quizzes.quiz", 8),
        ("quiz_caliper.quiz_started", "quizzes.quiz", 8),
        ("quiz_caliper.item_updated", "quizzes.item", 35),
        ("quiz_caliper.quiz_session_created", "quizzes.quiz_session", 9),
    ],
)
def test_the_subject_is_what_the_event_is_about(name: str, kind: str, number: int) -> None:
    """Also if the ids are those of another service."""
    subject = make_event(name, body=BODIES[name]).subject

    assert subject.entity_kind == kind
    assert subject.entity_id is not None
    assert subject.entity_id.local_id == number
    # New Quizzes has its own ids, which belong to no shard of Canvas.
    assert (subject.entity_id.shard is None) is kind.startswith("quizzes.")


@for_each("name", ["heartbeat", "quiz_caliper.asset_accessed"])
def test_some_events_have_no_entity(name: str) -> None:
    """They do not contain it, or not its kind."""
    subject = make_event(name, body=BODIES[name]).subject

    assert (subject.entity_kind, subject.entity_id) == ("", None)


@for_each(
    "name, path, privacy",
    [
        ("quiz_export_complete", "qti_export.url", "secret"),
        ("quizzes_next_quiz_duplicated", "resource_map_url", "secret"),
        ("quizzes_next_migration_urls_complete", "resource_map_url", "secret"),
        ("quizzes.quiz_session_submitted", "passback_url", "secret"),
        ("quizzes.quiz_session_submitted", "graded_url", "secret"),
        ("quizzes.item_created", "scoring_data", "secret"),
        ("quizzes.quiz_graded", "score", "education"),
        ("quizzes.quiz_graded", "grader_id", "identifier"),
        ("quizzes.quiz_created", "owner", "identifier"),
        ("quizzes-lti.grade_changed", "user_uuid", "identifier"),
        ("quizzes-lti.grade_changed", "score_to_keep", "education"),
        ("quizzes.quiz_created", "title", "none"),
        ("discussion_entry_updated", "text", "education"),
        ("discussion_entry_deleted", "user_id", "identifier"),
        ("quiz_extension_created", "user_id", "identifier"),
        ("quiz_extension_created", "extra_time", "education"),
        ("convert_new_quiz_youtube_link", "new_html", "none"),
    ],
)
def test_sensitive_fields_are_marked(name: str, path: str, privacy: str) -> None:
    """Signed URLs, correct answers, grades, identities."""
    assert dict(all_fields_of(model(name)))[path].marks.privacy == privacy
