"""The Canvas names of Caliper events follow from type, action and object."""

from typing import Any

from consumer.events.caliper import name_of
from tests.cases import for_each


def entry(form: str, extensions: dict[str, Any] | None = None) -> dict[str, Any]:
    """From "type/action object.type kind"; the kind "-" is an object whose id is not a URN."""
    what, object_type, kind = form.split(" ")
    event_type, action = what.split("/")
    urn = "http://canvas.example.edu/"
    if kind != "-":
        urn = f"urn:instructure:canvas:{kind}:21070000000000001"
    thing: dict[str, Any] = {"id": urn, "type": object_type}
    if extensions is not None:
        thing["extensions"] = {"com.instructure.canvas": extensions}
    ours = {"com.instructure.canvas": {"version": "1.0.0"}}
    return {"type": event_type, "action": action, "object": thing, "extensions": ours}


@for_each(
    "form, name",
    [
        ("NavigationEvent/NavigatedTo Entity course", "asset_accessed"),
        ("NavigationEvent/NavigatedTo Page wikiPage", "asset_accessed"),
        ("NavigationEvent/NavigatedTo Thread discussion", "asset_accessed"),
        ("NavigationEvent/NavigatedTo AssignableDigitalResource assignment", "asset_accessed"),
        ("NavigationEvent/NavigatedTo CourseOffering course", "asset_accessed"),
        ("NavigationEvent/NavigatedTo Assessment quizzes:quiz", "asset_accessed"),
        ("NavigationEvent/NavigatedTo Entity lti/tool_proxy", "asset_accessed"),
        ("Event/Created AssignableDigitalResource assignment", "assignment_created"),
        ("Event/Modified AssignableDigitalResource assignment", "assignment_updated"),
        ("Event/Created Entity assignment_override", "assignment_override_created"),
        ("Event/Modified Entity assignment_override", "assignment_override_updated"),
        ("Event/Created Document attachment", "attachment_created"),
        ("Event/Modified Document attachment", "attachment_updated"),
        ("Event/Deleted Document attachment", "attachment_deleted"),
        ("Event/Created CourseOffering course", "course_created"),
        ("Event/Modified CourseOffering course", "course_updated"),
        ("MessageEvent/Posted Message discussionEntry", "discussion_entry_created"),
        ("MessageEvent/Created Message discussionEntry", "discussion_entry_created"),
        ("ThreadEvent/Created Thread discussion", "discussion_topic_created"),
        ("Event/Created Thread discussion", "discussion_topic_created"),
        ("Event/Created Entity enrollment", "enrollment_created"),
        ("Event/Modified Entity enrollment", "enrollment_updated"),
        ("GradeEvent/Graded Attempt submission", "grade_change"),
        ("Event/Created Entity groupCategory", "group_category_created"),
        ("Event/Created Group group", "group_created"),
        ("Event/Created Membership groupMembership", "group_membership_created"),
        ("SessionEvent/LoggedIn SoftwareApplication -", "logged_in"),
        ("SessionEvent/LoggedOut SoftwareApplication -", "logged_out"),
        ("Event/LoggedIn SoftwareApplication -", "logged_in"),
        ("Event/LoggedOut SoftwareApplication -", "logged_out"),
        ("AssessmentEvent/Submitted Attempt submission", "quiz_submitted"),
        ("Event/Created Assessment quiz", "quiz_created"),
        ("Event/Modified Assessment quiz", "quiz_updated"),
        ("AssignableEvent/Submitted Attempt submission", "submission_created"),
        ("Event/Modified Attempt submission", "submission_updated"),
        ("Event/Modified Document course", "syllabus_updated"),
        ("Event/Created Entity account", "user_account_association_created"),
        ("Event/Created Page wikiPage", "wiki_page_created"),
        ("Event/Modified Page wikiPage", "wiki_page_updated"),
        ("Event/Deleted Page wikiPage", "wiki_page_deleted"),
    ],
)
def test_the_name_follows_from_type_action_and_object(form: str, name: str) -> None:
    """Each documented row of the table."""
    assert name == name_of(entry(form))


@for_each(
    "form, extensions, name",
    [
        ("Event/Created", {"workflow_state": "active", "type": "x"}, "enrollment_created"),
        ("Event/Created", {"state": "active"}, "enrollment_state_created"),
        ("Event/Modified", {"workflow_state": "active"}, "enrollment_updated"),
        ("Event/Modified", {"state": None}, "enrollment_state_updated"),
        ("Event/Modified", None, "enrollment_updated"),
    ],
)
def test_the_key_state_distinguishes_an_enrollment_state(
    form: str, extensions: dict[str, Any] | None, name: str
) -> None:
    """The only pair that differs in the object's extensions."""
    assert name == name_of(entry(f"{form} Entity enrollment", extensions))


@for_each(
    "form, name",
    [
        ("AssessmentEvent/Started Assessment quiz", "AssessmentEvent.Started.Assessment"),
        ("Event/Deleted Group group", "Event.Deleted.Group"),
        ("Event/Created Document course", "Event.Created.Document"),
        ("Event/Created Entity course:1:section", "Event.Created.Entity"),
        ("GradeEvent/Graded Attempt quizzes:quiz", "GradeEvent.Graded.Attempt"),
        ("AssessmentEvent/Submitted Attempt -", "AssessmentEvent.Submitted.Attempt"),
    ],
)
def test_an_event_not_in_the_table_is_named_by_its_parts(form: str, name: str) -> None:
    """Events of other services do not get the names of documented events."""
    assert name == name_of(entry(form))


@for_each(
    "thing",
    [
        None,
        "urn:instructure:canvas:course:1",
        [],
        {},
        {"type": 7},
        {"type": ""},
        {"id": 7},
        {"type": None, "extensions": []},
        {"extensions": {"com.instructure.canvas": "state"}},
    ],
)
def test_an_object_without_a_type_is_an_entity(thing: Any) -> None:
    """As in Caliper. No form of an object causes an error."""
    assert name_of({"type": "Event", "action": "Created", "object": thing}) == (
        "Event.Created.Entity"
    )
