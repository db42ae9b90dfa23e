"""The grammar of `when`: what each condition means, and what is refused when it is loaded."""

from typing import Any

import pytest

from consumer.errors import ConfigurationError
from consumer.handlers.around.conditions import predicate_of
from consumer.testing import make_event
from tests.cases import for_each

GLOBAL = "21070000000000123"
BODY = {
    "workflow_state": "deleted",
    "score": 90.0,
    "grade": "90",
    "sis_id": "007",
    "points": {"possible": 5},
    "graded": True,
    "assignment_id": GLOBAL,
    "late": None,
    "tags": ["a", 7, [8]],
    "ratings": [{"points": 4}, {"points": 2, "name": "b"}, "x"],
    "empty": "",
    "user_sis_id": "21070000000000123",
}


def holds(
    conditions: dict[str, Any] | list[dict[str, Any]],
    body: dict[str, Any] = BODY,
    job: str | None = None,
) -> bool:
    metadata: dict[str, Any] = {"job_id": "1", "job_tag": job} if job else {}
    event = make_event("course_updated", body=body, **metadata)
    return bool(predicate_of(conditions, "when")(event))


def on(field: str, condition: Any) -> bool:
    """The condition on a field of the body."""
    return holds({f"body.{field}": condition})


@for_each(
    "field, equal, different",
    [
        ("workflow_state", "deleted", "Deleted"),
        ("workflow_state", "deleted", "deleted "),
        ("score", 90, 91),
        ("score", "90", "91"),
        ("score", "90.0", "090"),
        ("grade", 90, 9),
        ("grade", 90.0, True),
        ("grade", "90", "90.0"),
        ("sis_id", "007", 7),
        ("points.possible", 5, 50),
        ("graded", True, 1),
        ("graded", True, "true"),
        ("tags", 7, 8),
        ("tags", "a", "b"),
        ("ratings.points", 2, 3),
        ("ratings.name", "b", "a"),
        ("empty", "", " "),
    ],
)
def test_equals(field: str, equal: Any, different: Any) -> None:
    """Texts as written; a number equals its text; true is not 1; of a list, any element."""
    assert on(field, equal)
    assert on(field, {"equals": equal})
    assert not on(field, different)
    assert on(field, {"in": [different, equal]})
    assert not on(field, {"in": [different]})
    assert on(field, {"not": different})
    assert not on(field, {"not": {"in": [equal]}})


@for_each("wanted", [123, "123", 21070000000000123, GLOBAL])
def test_an_id_is_equal_in_each_form(wanted: Any) -> None:
    """Local or global, as a number or a text, in the common view and in fields."""
    event = make_event("course_updated", body={"course_id": GLOBAL, "assignment_id": GLOBAL})
    local = make_event(
        "course_updated", body={"course_id": "123"}, root_account_id="21070000000000001"
    )
    caliper = make_event(
        "course_updated", format="caliper",
        body={"object": {"id": f"urn:instructure:canvas:course:{GLOBAL}", "type": "Course"}},
    )  # fmt: skip

    assert predicate_of({"course_id": wanted}, "w")(event)
    assert predicate_of({"course_id": wanted}, "w")(local)
    assert predicate_of({"course_id": wanted}, "w")(caliper)
    assert predicate_of({"body.assignment_id": {"in": [wanted]}}, "w")(event)
    assert predicate_of({"body.object.id": wanted}, "w")(caliper)
    assert predicate_of({"body.object.id": f"urn:instructure:canvas:course:{GLOBAL}"}, "w")(caliper)
    assert not predicate_of({"body.object.id": f"urn:instructure:canvas:user:{GLOBAL}"}, "w")(
        caliper
    )
    assert not predicate_of({"course_id": 124}, "w")(event)
    assert not predicate_of({"course_id": 10990000000000123}, "w")(event)


def test_only_what_is_named_like_an_id_is_one() -> None:
    """An id of an SIS, and other numbers, are compared as they are written."""
    assert not on("user_sis_id", 123)
    assert on("user_sis_id", GLOBAL)
    assert not holds({"body.score": 123}, {"score": 21070000000000123})
    assert not holds({"body.assignment_id": 123}, {"assignment_id": 2**80})


@for_each(
    "field, pattern, matches",
    [
        ("workflow_state", "del*", True),
        ("workflow_state", "DEL*", False),
        ("workflow_state", ["x", "d?leted"], True),
        ("score", "90*", True),
        ("graded", "*", False),
        ("points", "*", False),
        ("late", "*", False),
        ("empty", "*", True),
        ("tags", "7", True),
        ("tags", "8", False),
        ("tags", "[ab]", True),
    ],
)
def test_glob(field: str, pattern: Any, matches: bool) -> None:
    """On texts, and on numbers as they are written; the case counts."""
    assert on(field, {"glob": pattern}) is matches
    assert on(field, {"not": {"glob": pattern}}) is not matches


@for_each("field", ["late", "nothing", "score.value", "points.no", "tags.no", "ratings.no"])
def test_null_and_absent_are_the_same(field: str) -> None:
    """Canvas leaves out nulls: such a field does not exist, equals nothing, and is not anything."""
    assert on(field, {"exists": False})
    assert not on(field, {"exists": True})
    assert on(field, {"not": {"exists": True}})
    assert on(field, {"not": 5})
    assert not on(field, {"in": [5, "", False]})


@for_each("field", ["empty", "graded", "points", "tags", "ratings.name"])
def test_every_other_value_exists(field: str) -> None:
    """Also the empty text."""
    assert on(field, {"exists": True})


def test_all_conditions_of_a_mapping_and_any_mapping_of_a_list() -> None:
    """So both "and" and "or" can be written."""
    deleted, ninety, hundred = (
        {"body.workflow_state": "deleted"}, {"body.score": 90}, {"body.score": 100},
    )  # fmt: skip

    assert holds({**deleted, **ninety})
    assert not holds({**deleted, **hundred})
    assert holds([hundred, deleted])
    assert not holds([hundred, {**deleted, **hundred}])
    assert on("score", {"not": 91, "exists": True, "in": [90, 91]})
    assert not on("score", {"not": 90, "exists": True})


def test_the_common_view() -> None:
    """Name, format, change and cause are the same from both formats."""
    assert holds({"triggered_by_job": False, "change": "deleted", "format": "canvas"})
    assert holds({"triggered_by_job": True}, job="x")
    assert holds({"triggered_by_job": {"not": False}}, job="x")
    assert holds({"name": {"glob": "course_*"}, "entity_kind": {"in": ["course"]}})
    assert holds({"user_id": {"exists": False}}, job="x")
    assert holds({"metadata.job_tag": {"exists": True}}, job="x")


@for_each(
    "conditions, error",
    [
        ({}, "w: must have at least one condition"),
        ([], "w: must be a mapping of conditions, or a list of them"),
        ([{"body.x": 1}, {}], r"w\[1\]: must have at least one"),
        ({"courseid": 1}, """w: there is no 'courseid': did you mean "course_id"\\?"""),
        ({"workflow_state": 1}, 'did you mean "body.workflow_state"'),
        ({"hostname": "x"}, 'did you mean "metadata.hostname"'),
        ({"zzz": 1}, "fields, written as body.FIELD or metadata.FIELD"),
        ({"name": 5}, "name: must be a text"),
        ({"body": {"x": 1}}, "w: there is no 'body': .*written as body.FIELD"),
        ({"body.": 1}, "there is no 'body.'"),
        ({"course_id": "abc"}, "w: course_id: must be an id, such as 123"),
        ({"course_id": 0}, "must be an id"),
        ({"course_id": True}, "must be an id"),
        ({"course_id": "urn:instructure:canvas:user:123"}, "must be an id"),
        ({"course_id": 1.5}, "must be an id"),
        ({"course_id": [1]}, r"course_id: a list needs an operator: \{in: \[...\]\}"),
        ({"course_id": {"in": 5}}, "in needs a list"),
        ({"course_id": {"in": []}}, "in needs a list"),
        ({"course_id": {"in": [{"in": [1]}]}}, "must be a text, a number, true or false"),
        ({"course_id": {"glob": "1*"}}, "glob is for texts"),
        ({"body.x": {"equal": 5}}, """no operator 'equal': did you mean "equals"\\?"""),
        ({"body.user": {"name": 5}}, 'a field in it is "body.user.FIELD"'),
        ({"body.x": {}}, "must be a value, or have an operator: equals, in, glob, exists, not"),
        ({"body.x": {"equals": {"in": [1]}}}, "equals needs a value"),
        ({"body.x": {"glob": 5}}, "glob needs a text with"),
        ({"body.x": {"glob": []}}, "glob needs a text with"),
        ({"body.x": {"exists": "yes"}}, "exists needs true or false"),
        ({"body.x": {"not": None}}, r"null is the same as absent: write \{exists: false\}"),
        ({"body.x": {"not": [1]}}, "a list needs an operator"),
        ({"body.x": float("nan")}, "must be a text, a number, true or false"),
        ({"triggered_by_job": 0}, "triggered_by_job: must be true or false, without quotes"),
        ({"triggered_by_job": "false"}, "must be true or false, without quotes"),
        ({"change": 5}, "must be one of created, updated, deleted, restored$"),
        ({"change": "creatd"}, 'created, updated, deleted, restored; did you mean "created"'),
        ({"format": "json"}, "must be one of canvas, caliper$"),
    ],
)
def test_what_can_not_be_meant_is_refused(conditions: Any, error: str) -> None:
    """When it is loaded; the error names the field, and what would be right."""
    with pytest.raises(ConfigurationError, match=error):
        predicate_of(conditions, "w")
