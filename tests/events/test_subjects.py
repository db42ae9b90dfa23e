"""Who did what, where: the same for both formats."""

from collections.abc import Mapping
from typing import Any

from consumer.events.identifiers import canvas_id
from consumer.subject import CanvasId, Subject
from consumer.testing import make_event
from tests.cases import for_each

KEY = "com.instructure.canvas"
URN = "urn:instructure:canvas:"
ROOT, USER, COURSE, IT = (f"2107{n:013}" for n in (1, 7, 565, 42))

IN_COURSE = {"context_id": COURSE, "context_type": "Course"}


def canvas(name: str, body: Mapping[str, Any], **metadata: Any) -> Subject:
    return make_event(name, body=body, **metadata).subject


def person(user: str = USER, **extra: Any) -> dict[str, Any]:
    extensions = {KEY: {"entity_id": user, "root_account_id": ROOT, **extra}}
    return {"id": f"{URN}user:{user}", "type": "Person", "extensions": extensions}


def in_course(course: str = COURSE) -> dict[str, Any]:
    urn = f"{URN}course:{course}"
    context = {KEY: {"context_type": "Course", "entity_id": course}}
    return {
        "group": {"id": urn, "type": "CourseOffering", "extensions": context},
        "membership": {"organization": {"id": urn, "type": "CourseOffering"}},
    }


def caliper(name: str, thing: Any = None, actor: Any = None, **body: Any) -> Subject:
    event = {"actor": person() if actor is None else actor, "object": thing or {}, **body}
    return make_event(name, format="caliper", body=event).subject


def test_a_list_in_a_course_is_about_the_course() -> None:
    """Even without a user and a context, as for a calendar feed."""
    software = {"id": "http://canvas.example.edu/", "type": "SoftwareApplication"}
    body = {"asset_type": "course", "asset_id": COURSE, "asset_subtype": "calendar_feed"}

    in_canvas = canvas("asset_accessed", body)
    in_caliper = caliper("asset_accessed", {"id": f"{URN}course:{COURSE}"}, software)

    assert canvas_id(COURSE) == in_canvas.course_id == in_caliper.course_id
    assert in_canvas.user_id is None
    assert in_caliper.user_id is None


@for_each(
    "metadata, expected",
    [
        ({"context_id": "30000000000565"}, CanvasId(42, 2107)),
        ({"context_id": "30000000000565", "root_account_id": None}, CanvasId(42, 3)),
        ({"context_id": "30000000000565", "root_account_id": "1"}, CanvasId(42, 3)),
        ({"context_id": "565", "root_account_id": "1"}, CanvasId(42, None)),
        ({"root_account_id": [1]}, CanvasId(42, None)),
    ],
)
def test_a_local_id_has_the_event_s_shard(metadata: dict[str, Any], expected: CanvasId) -> None:
    """That of the root account, otherwise that of the context, otherwise none."""
    subject = canvas("discussion_entry_created", {"discussion_entry_id": "42"}, **metadata)

    assert expected == subject.entity_id


@for_each(
    "actor, course, expected",
    [
        (person(), "30000000000565", CanvasId(42, 2107)),
        ({"id": f"{URN}user:{USER}"}, "30000000000565", CanvasId(42, 3)),
        ({"id": f"{URN}user:{USER}"}, "565", CanvasId(42, None)),
    ],
)
def test_a_local_urn_has_the_event_s_shard(actor: Any, course: str, expected: CanvasId) -> None:
    """Not that of the user, who may be from another institution."""
    thing = {"id": f"{URN}discussionEntry:42"}

    subject = caliper("discussion_entry_created", thing, actor, **in_course(course))

    assert expected == subject.entity_id


def test_a_global_id_keeps_its_own_shard() -> None:
    """As for a page in a course on another shard."""
    subject = canvas("wiki_page_updated", {"wiki_page_id": "72270000000674553"})

    assert CanvasId(674553, 7227) == subject.entity_id
    assert subject.entity_id is not None
    assert subject.entity_id.global_id == 72270000000674553


@for_each(
    "metadata",
    [
        {},
        {"user_id": None},
        {"user_id": ""},
        {"user_id": "0"},
        {"user_id": 21070000000000000},
        {"user_id": 2.1e16},
        {"user_id": USER, "job_id": "1", "job_tag": "SIS::CSV"},
    ],
)
def test_no_user_in_canvas_format(metadata: dict[str, Any]) -> None:
    """A user in the body is not the actor, and a job has none."""
    body = {"submission_id": IT, "user_id": USER}

    assert canvas("submission_updated", body, **metadata).user_id is None


def test_a_service_acts_on_behalf_of_a_user() -> None:
    """File storage and tools send requests without a login; a job acts for no user."""
    body = {"attachment_id": IT, "user_id": USER}

    assert canvas_id(USER) == canvas("attachment_created", body).user_id
    assert canvas("attachment_created", body, job_id="1").user_id is None
    assert canvas("attachment_created", body, user_id="0").user_id is None
    assert canvas("attachment_updated", body).user_id is None


@for_each(
    "actor",
    [
        {},
        [],
        "Somebody",
        {"id": f"{URN}user:0", "type": "Person", "extensions": {KEY: {"entity_id": USER}}},
        {"id": f"{URN}account:{USER}", "type": "Person"},
        {"id": "http://canvas.example.edu/", "type": "SoftwareApplication"},
        {"type": "SoftwareApplication", "extensions": {KEY: {"entity_id": USER}}},
    ],
)
def test_no_user_in_caliper_format(actor: Any) -> None:
    """User 0 stands for an unknown one."""
    assert caliper("logged_in", actor=actor).user_id is None


def test_a_job_has_no_user_in_caliper_format() -> None:
    """Although it names an actor, the user that it is about."""
    job = {"extensions": {KEY: {"job_id": "1", "job_tag": "SIS::CSV"}}}

    assert caliper("submission_created", **job).user_id is None


@for_each(
    "actor",
    [
        person(),
        {"id": f"{URN}user:{USER}"},
        {"type": "Person", "extensions": person()["extensions"]},
    ],
)
def test_a_person_in_caliper_format(actor: Any) -> None:
    """From the URN, without type and extensions, or from the extensions alone."""
    assert canvas_id(USER) == caliper("logged_in", actor=actor).user_id


@for_each(
    "body, metadata",
    [
        ({"course_id": "565"}, {"context_type": "Course", "context_id": "21070000000000001"}),
        (IN_COURSE, {"context_type": "Course", "context_id": "21070000000000001"}),
        ({"context_type": "Group", "context_id": "9"}, IN_COURSE),
        ({"course_id": ""}, IN_COURSE),
        ({"course": {"id": "565", "name": "Algebra"}}, {}),
    ],
)
def test_the_course_in_canvas_format(body: dict[str, Any], metadata: dict[str, Any]) -> None:
    """That of the thing, otherwise that of the context."""
    assert canvas_id(COURSE) == canvas("any_event", body, **metadata).course_id


SECTION = f"{URN}course:{COURSE}:section:21070000000000011"


@for_each(
    "body",
    [
        {"group": {"id": SECTION, "type": "CourseSection"}},
        {"group": {"extensions": {KEY: {"context_type": "Course", "entity_id": COURSE}}}},
        {"membership": {"organization": {"id": SECTION}}},
        {"membership": {"organization": {"subOrganizationOf": {"id": f"{URN}course:{COURSE}"}}}},
        {"object": {"extensions": {KEY: IN_COURSE}}},
        {"object": {"extensions": {KEY: {"course_id": COURSE}}}},
    ],
)
def test_the_course_in_caliper_format(body: dict[str, Any]) -> None:
    """Each place that contains it is enough; a section is in its course."""
    assert (
        canvas_id(COURSE) == make_event("any_event", format="caliper", body=body).subject.course_id
    )


@for_each("kind", ["group", "account", "user"])
def test_no_course(kind: str) -> None:
    """An event in a group or an account has no known course."""
    urn = f"{URN}{kind}:{COURSE}"
    place = {"group": {"id": urn}, "membership": {"organization": {"id": urn}}}

    assert caliper("wiki_page_created", **place).course_id is None
    context = {"context_type": kind.title(), "context_id": COURSE}
    assert canvas("wiki_page_created", {}, **context).course_id is None


def test_a_body_that_does_not_fit_its_model_has_a_subject() -> None:
    """It is read from the received mapping."""
    subject = canvas("submission_created", {"submission_id": IT, "late": {"what": "?"}})

    assert ("submission", canvas_id(IT)) == (subject.entity_kind, subject.entity_id)


def test_an_unknown_event() -> None:
    """In Canvas format its entity is not known; in Caliper format it is the URN of the object."""
    thing = {"id": f"{URN}blueprintTemplate:{IT}"}

    in_canvas = canvas("new_created", {"id": 5})
    assert ("", None) == (in_canvas.entity_kind, in_canvas.entity_id)
    in_caliper = caliper("Event.Forked.Entity", thing)
    assert ("blueprint_template", canvas_id(IT)) == (in_caliper.entity_kind, in_caliper.entity_id)


def test_a_repr_contains_no_personal_data() -> None:
    """Neither an id nor a value in its place."""
    subject = canvas("asset_accessed", {"asset_type": f"user {USER}", "asset_id": IT}, user_id=USER)

    assert repr(subject) == "Subject(entity_kind='')"
    assert canvas_id(IT) == subject.entity_id
