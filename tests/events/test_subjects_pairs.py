"""Who did what, where: equal for an event in Canvas format and in Caliper format."""

from typing import Any

from consumer.events.catalog import CanvasBody, model_of, names
from consumer.events.identifiers import canvas_id
from tests.cases import for_each
from tests.events.test_subjects import (
    COURSE,
    IN_COURSE,
    IT,
    KEY,
    ROOT,
    URN,
    USER,
    caliper,
    canvas,
    in_course,
)

#: By event: the body in Canvas format, and the object in Caliper format, about the same thing.
PAIRS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "asset_accessed": (
        {"asset_type": "wiki_page", "asset_id": IT},
        {"id": f"{URN}wikiPage:{IT}", "extensions": {KEY: {"asset_type": "wiki_page"}}},
    ),
    "assignment_created": (
        {"assignment_id": IT, **IN_COURSE},
        {"id": f"{URN}assignment:{IT}", "type": "AssignableDigitalResource"},
    ),
    "assignment_override_created": (
        {"assignment_override_id": 42, "assignment_id": 5},
        {"id": f"{URN}assignment_override:{IT}", "extensions": {KEY: {"assignment_id": "5"}}},
    ),
    "attachment_created": (
        {"attachment_id": IT, "user_id": "21070000000000099", **IN_COURSE},
        {"id": f"{URN}attachment:{IT}", "type": "Document", "extensions": {KEY: IN_COURSE}},
    ),
    "course_created": ({"course_id": COURSE}, {"id": f"{URN}course:{COURSE}"}),
    "discussion_entry_created": (
        {"discussion_entry_id": "42", "discussion_topic_id": "9", "user_id": "7"},
        {"id": f"{URN}discussionEntry:42", "isPartOf": {"id": f"{URN}discussion:9"}},
    ),
    "discussion_topic_created": (
        {"discussion_topic_id": IT, "context_id": "565", "context_type": "Course"},
        {"id": f"{URN}discussion:{IT}", "type": "Thread"},
    ),
    "enrollment_created": (
        {"enrollment_id": IT, "course_id": COURSE, "user_id": "21070000000000099"},
        {
            "id": f"{URN}enrollment:{IT}",
            "extensions": {
                KEY: {
                    "course_id": f"{URN}course:{COURSE}",
                    "course_section_id": f"{URN}course:{COURSE}:section:21070000000000011",
                    "user_id": f"{URN}user:21070000000000099",
                }
            },
        },
    ),
    "enrollment_state_created": (
        {"enrollment_id": IT, "state": "active"},
        {"id": f"{URN}enrollment:{IT}", "extensions": {KEY: {"state": "active"}}},
    ),
    "grade_change": (
        {"submission_id": IT, "student_id": "21070000000000099", "user_id": "21070000000000099"},
        {"id": f"{URN}submission:{IT}", "assignee": {"id": f"{URN}user:21070000000000099"}},
    ),
    "group_category_created": (
        {"group_category_id": IT, "context_id": "565", "context_type": "Course"},
        {"id": f"{URN}groupCategory:{IT}", "type": "Entity"},
    ),
    "group_created": (
        {"group_id": IT, "group_category_id": "21070000000000005", **IN_COURSE},
        {"id": f"{URN}group:{IT}", "isPartOf": {"id": f"{URN}groupCategory:21070000000000005"}},
    ),
    "group_membership_created": (
        {"group_membership_id": IT, "group_id": "21070000000000051", "user_id": USER},
        {
            "id": f"{URN}groupMembership:{IT}",
            "member": {"id": f"{URN}user:{USER}"},
            "organization": {"id": f"{URN}group:21070000000000051"},
        },
    ),
    "logged_in": (
        {"redirect_url": "https://canvas.example.edu/"},
        {"id": "http://canvas.example.edu/", "extensions": {KEY: {"redirect_url": "x"}}},
    ),
    "quiz_created": ({"quiz_id": IT, **IN_COURSE}, {"id": f"{URN}quiz:{IT}"}),
    "quiz_submitted": (
        {"submission_id": IT, "quiz_id": "21070000000000043"},
        {
            "id": f"{URN}submission:{IT}",
            "assignable": {"id": f"{URN}quiz:21070000000000043", "type": "Assessment"},
        },
    ),
    "submission_created": (
        {"submission_id": IT, "assignment_id": "21070000000000043", "user_id": USER},
        {
            "id": f"{URN}submission:{IT}",
            "assignee": {"id": f"{URN}user:{USER}"},
            "assignable": {"id": f"{URN}assignment:21070000000000043"},
        },
    ),
    "syllabus_updated": (
        {"course_id": COURSE},
        {"id": f"{URN}course:{COURSE}", "type": "Document", "name": "Syllabus"},
    ),
    "user_account_association_created": (
        {"user_id": IT, "account_id": "21070000000000044"},
        {
            "id": f"{URN}account:21070000000000044",
            "extensions": {KEY: {"user_id": f"{URN}user:{IT}"}},
        },
    ),
    "wiki_page_created": ({"wiki_page_id": IT}, {"id": f"{URN}wikiPage:{IT}", "type": "Page"}),
}
ALIKE = {
    "logged_out": ({}, {"id": "http://canvas.example.edu/", "type": "SoftwareApplication"}),
    **{
        name.replace("_created", ending): pair
        for name, pair in PAIRS.items()
        for ending in ("_updated", "_deleted")
    },
}
ALL_PAIRS = {name: {**ALIKE, **PAIRS}[name] for name in names("caliper")}


@for_each("name", names("caliper"))
def test_the_same_event_in_either_format_has_the_same_subject(name: str) -> None:
    """Local and global ids, URNs of all kinds: who, where, what."""
    body, thing = ALL_PAIRS[name]

    subject = canvas(name, body, user_id=USER, context_type="Course", context_id=COURSE)

    assert subject == caliper(name, thing, **in_course())
    assert (canvas_id(USER), canvas_id(COURSE)) == (subject.user_id, subject.course_id)
    assert canvas_id(ROOT) == subject.account_id
    if not name.startswith("logged_"):
        assert subject.entity_kind
        assert subject.entity_id is not None
        assert subject.entity_id.shard == 2107


@for_each("name", [name for name in names() if name != "asset_accessed"])
def test_the_model_of_a_canvas_event_has_the_entity(name: str) -> None:
    """So the kind is known even if the id is not."""
    model = model_of(name)

    assert model is not None
    assert issubclass(model, CanvasBody)
    assert model.entity()[0] == canvas(name, {}).entity_kind
    assert canvas(name, {}).entity_id is None


@for_each(
    "asset_type, urn_kind, kind",
    [
        ("account", "account", "account"),
        ("assignment", "assignment", "assignment"),
        ("attachment", "attachment", "attachment"),
        ("calendar_event", "calendar_event", "calendar_event"),
        ("content_tag", "content_tag", "content_tag"),
        ("context_external_tool", "context_external_tool", "context_external_tool"),
        ("discussion_topic", "discussion", "discussion_topic"),
        ("enrollment", "enrollment", "enrollment"),
        ("group", "group", "group"),
        ("learning_outcome", "learning_outcome", "learning_outcome"),
        ("lti/tool_proxy", "lti/tool_proxy", "lti/tool_proxy"),
        ("quizzes:quiz", "quizzes:quiz", "quizzes:quiz"),
        ("user", "user", "user"),
        ("web_conference", "web_conference", "web_conference"),
        ("wiki_page", "wikiPage", "wiki_page"),
    ],
)
def test_a_viewed_asset_has_canvas_s_kind(asset_type: str, urn_kind: str, kind: str) -> None:
    """In both formats, also if there is only the URN."""
    thing = {"id": f"{URN}{urn_kind}:{IT}"}

    subjects = (
        canvas("asset_accessed", {"asset_type": asset_type, "asset_id": IT}),
        caliper("asset_accessed", {**thing, "extensions": {KEY: {"asset_type": asset_type}}}),
        caliper("asset_accessed", thing),
    )

    for subject in subjects:
        assert (kind, canvas_id(IT)) == (subject.entity_kind, subject.entity_id)
        assert subject.course_id is None
