"""Ways in which a person might have passed: each was one once."""

from __future__ import annotations

import unicodedata
from typing import Any

from consumer.messages import Event
from tests.cases import for_each
from tests.events.redacted import (
    ALL,
    ANALYTICS,
    PSEUDONYMS,
    ROOT,
    STRICT,
    STRICT_WITH_KEY,
    caliper,
    canvas,
    event_of,
)

URN = "urn:instructure:canvas:"
OTHER = "21070000000000456"
OTHER_USER = PSEUDONYMS.of("user", OTHER)


def body(event: Event) -> Any:
    return ANALYTICS(event).body


@for_each(
    "urn",
    [f"{URN}user:jchen99", f"{URN}user:2107~45678", f"{URN}jchen99", f"{URN}user:1:x:jchen99"],
)
def test_a_urn_of_a_user_without_a_usual_id_is_no_way_out(urn: str) -> None:
    """As an actor, as another thing, and within a text."""
    events = [
        caliper(actor={"id": urn, "type": "Person"}),
        caliper(actor=urn),
        caliper(object={"id": urn, "type": "Person"}),
        caliper(membership={"id": urn, "member": urn}),
    ]
    for event in events:
        for profile, redaction in ALL.items():
            raw = redaction(event).raw

            assert "jchen99" not in raw, (profile, raw)
            assert "45678" not in raw, (profile, raw)


def test_what_an_unusual_urn_of_a_person_contains_is_left_nowhere_else() -> None:
    """It is then a login, or something like it."""
    event = caliper(actor=f"{URN}user:jchen99", sensor="x", color="jchen99")
    for profile, redaction in ALL.items():
        assert "jchen99" not in redaction(event).raw, profile


def test_strict_keeps_urns_of_shared_things_with_a_number_only() -> None:
    """Of the number alone nothing can be seen."""
    for part, kept in (
        ("course:5", True), ("quizzes:quiz:5", True), ("course:5:section:7", True),
        ("course:jchen", False), ("user:5:course:7", False), ("course:user:5", False),
        ("attachment:5", False), ("course:5:user:7", False), ("course:5:", False),
    ):  # fmt: skip
        event = caliper("asset_accessed", object={"id": URN + part, "type": "Entity"})
        assert ("id" in STRICT(event).body["object"]) == kept, part


def test_a_urn_in_a_text_may_end_with_the_sentence() -> None:
    """The id of the member is then no longer the end."""
    text = f"see {URN}course:5:Learner:{OTHER}. and {URN}user:jchen99, or {URN}user:2107~456"

    assert body(canvas("assignment_created", {"title": text})) == {
        "title": f"see {URN}course:5:Learner:* and {URN}user:*, or {URN}user:*"
    }


@for_each("text", [
    "users/45678/files", "/Users/jchen", "&#x2F;users&#x2F;45678", "&#47;users&#47;45678",
    "HTTPS://jchen:45678@X.EDU/a?b=45678", "jchen&#64;x.edu", "jchen&#x40;x.edu",
    "user_45678", "a\nuser_45678\n", "gid://canvas/User/45678", "<a data-user-id='45678'>",
    "&student_id=45678",
    "jchen&commat;x.edu", "jchen\uff20x.edu", "jchen\\u0040x.edu", "jchen&#64x.edu",
    '{"user_id":"45678"}', '\\"user_id\\": [45678, 45678]', "user id: 45678", "Student #45678",
    "USER_45678", "user%2F45678", "user_id%3D45678", "user_ids[]=45678,45678", "user[45678]",
    "www.x.edu/~jchen", "/profile/45678", "author_id=45678", "jchen%x@x.edu", "user 45678",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiI0NTY3OCJ9.45678",
])  # fmt: skip
def test_notations_of_addresses_and_paths_are_recognized_in_texts(text: str) -> None:
    """Entities, escapes, full-width characters, and any case."""
    (title,) = body(canvas("assignment_created", {"title": f"Ask {text} now"})).values()

    assert "jchen" not in title
    assert "45678" not in title
    assert "[removed]" in title
    assert title.startswith("Ask ")
    assert title.endswith(" now")


@for_each("title", [
    "Students: 25 tips", "Meet the Author: 5 questions", "Ask a student. 10 points",
    "User - 3 stories", "Author - 20th Century", "Authors: 1900-1950", "Author [2019]",
    "Student Profiles [10 pts]", "Users, 10, 20", "Observer: 2", "Users [1]: a list",
])  # fmt: skip
def test_small_numbers_in_a_sentence_about_persons_are_kept(title: str) -> None:
    """They are points, years, and parts of a list."""
    assert body(canvas("assignment_created", {"title": title})) == {"title": title}


@for_each("text", [
    "user_7", '{"user": 7}', "user=7", "user = 7", "user:7", "user[7]", "user ids: 7",
    "&user[id]=7", "{&quot;user_id&quot;:7}", '{"user": {"id": 7}}',
    '{\\"user\\":{\\"id\\":\\"7\\"}}',
])  # fmt: skip
def test_a_person_in_data_may_have_a_small_number(text: str) -> None:
    """No sentence is written like that."""
    (title,) = body(canvas("assignment_created", {"title": text})).values()

    assert "7" not in title


def test_paths_in_texts_are_like_those_of_urls() -> None:
    """Some of Canvas end with the id of a person."""
    text = "<a href='/courses/5/grades/456'> <a href=\"/about/456\"> (/courses/5/users/456?a=b)"
    (title,) = body(canvas("assignment_created", {"description": text})).values()

    assert title == (
        "<a href='/courses/5/grades/*'> <a href=\"/*/*\"> (/courses/5/users/" + OTHER_USER
    )
    assert body(canvas("brand_new", {"context_code": "user_45", "n": "user_interface"})) == {
        "context_code": "[removed]", "n": "user_interface",
    }  # fmt: skip


@for_each("text", [
    "About Jos\u00e9 O'Brien", unicodedata.normalize("NFD", "JOS\u00c9 O'BRIEN"),
    "Jos&eacute; O&#39;Brien", "Jos%C3%A9%20O%27Brien", "Jos%25C3%25A9%2520O%2527Brien",
    "Jos\u00e9\u00a0O'Brien", "O'Brien, Jos\u00e9",
])  # fmt: skip
def test_a_name_of_the_event_is_recognized_however_it_is_written(text: str) -> None:
    """In a text that would be kept otherwise."""
    event = canvas("course_completed", {
        "user": {"name": "Jos\u00e9 O'Brien"}, "course": {"id": "5", "name": text},
    })  # fmt: skip

    assert body(event)["course"] == {"id": "5"}


def test_ids_in_other_types_are_no_way_out() -> None:
    """A float, a number where a text belongs, a text where a number belongs."""
    person = "21070000000012345"
    unknown = canvas("brand_new", {"x": float(person), "y": 12345.0, "z": 0.5}, user_id=person)
    prose = dict.fromkeys(("assignment_id", "attempt", "submitted_at", "late"), "Ada Chen")
    numbers = {"workflow_state": 45678, "submission_type": 45678.0, "submitted_at": 45678}

    assert body(unknown) == {"z": 0.5}
    assert body(canvas(body=prose)) == {}
    assert STRICT(canvas(body=numbers)).body == {}


@for_each("key", [
    "userid", "studentid", "loginid", "net_id", "uid", "unique_id", "created_by",
    "reviewer", "audience", "uploader", "fullname", "givenName", "filename", "HTMLBody",
    "submitter", "integration_id", "sourcedid", "emailaddress", "contact", "employee_number",
    "pseudonym_id", "answer", "essay", "eppn", "advisor", "jwt", "birthdate", "address1",
    "student4567",
])  # fmt: skip
def test_unknown_fields_with_a_name_of_a_person_are_dropped(key: str) -> None:
    """Also if two words are written as one."""
    assert body(canvas("brand_new", {key: "zq", "color": "red"})) == {"color": "red"}


@for_each("key", ["scoreGiven", "points_given", "anonymous_peer_reviews", "peer_review_count"])
def test_unknown_fields_of_grading_are_kept(key: str) -> None:
    """Unlike a given name, and a peer."""
    assert body(canvas("brand_new", {key: 5, "given": "Zq", "peerId": 7})) == {key: 5}


def test_the_type_next_to_an_id_says_that_it_is_a_users() -> None:
    """In unknown fields and events, too."""
    unknown = {
        "context_type": "User", "context_id": OTHER,
        "target_type": "user", "target_id": 456, "placeType": "User", "placeId": 456,
        "thing": {"type": "Person", "id": OTHER}, "topic": {"type": "Quiz", "id": "7"},
    }  # fmt: skip

    assert body(canvas("brand_new", unknown)) == {
        **unknown,
        "context_id": OTHER_USER, "target_id": OTHER_USER, "placeId": OTHER_USER,
        "thing": {"type": "Person", "id": OTHER_USER},
    }  # fmt: skip
    for person in (
        OTHER,
        int(OTHER),
        f"{URN}user:{OTHER}",
        "urn:uuid:" + "0" * 8 + "-0000" * 3 + "-" + "0" * 12,
    ):
        event = caliper(object={"type": "Person", "id": person})
        assert "p-" in ANALYTICS(event).body["object"]["id"]
        assert STRICT(event).body["object"] == {"type": "Person"}
    spaced = canvas(context_type=" User", context_id=OTHER)
    assert ANALYTICS(spaced).metadata["context_id"] == OTHER_USER


def test_an_address_of_6to4_contains_one_of_ipv4() -> None:
    """All of it is within the first 48 bits."""
    assert ANALYTICS(canvas(client_ip="2002:cb00:7139::1")).metadata["client_ip"] == "203.0.113.0"


@for_each("wrap", [str, int])
def test_a_shared_thing_may_have_the_number_of_a_person(wrap: Any) -> None:
    """Its id stays, and texts with a longer number, too."""
    person, course = "21070000000012345", "21070000000123456"
    around = {"user_id": person, "root_account_id": person, "context_type": "Course"}
    around["context_id"] = course
    event = canvas("account_created", {"account_id": wrap(person)}, **around)
    for redaction in (ANALYTICS, STRICT, STRICT_WITH_KEY):
        redacted = redaction(event)

        assert redacted.body == {"account_id": wrap(person)}
        assert redacted.subject.account_id == event.subject.account_id
        assert redacted.subject.course_id == event.subject.course_id
    title = {"title": f"Course {course}"}
    assert body(canvas("assignment_created", title, user_id=person)) == title


def test_strict_keeps_no_text_that_a_teacher_wrote() -> None:
    """Not even a single word."""
    ratings = [{"description": "Chen", "points": 3, "mastery": True}]
    event = canvas("outcome_proficiency_created", {"outcome_proficiency_ratings": ratings})

    assert STRICT(event).body["outcome_proficiency_ratings"] == [{"points": 3, "mastery": True}]


def test_strict_keeps_the_id_of_an_asset_only_if_it_is_shared() -> None:
    """Its type says so, in any notation."""
    for kind, kept in (("Quizzes::Quiz", True), ("quizzes:quiz", True), ("attachment", False)):
        event = canvas("asset_accessed", {"asset_type": kind, "asset_id": "7"})
        assert ("asset_id" in STRICT(event).body) == kept, kind


def test_a_key_is_no_way_to_find_a_person_by_trying_all_ids() -> None:
    """All but the id may be known: a digest of the event would confirm it."""

    def event(user: int, number: str = "1") -> Event:
        around = {"event_name": "x_created", "root_account_id": ROOT, "job_id": "7"}
        payload = {"metadata": around, "body": {"account_id": ROOT, "user_id": str(user)}}
        return event_of(payload, message_id=number)

    guessed = {event(user).key for user in range(1_000)}
    assert event(123).key in guessed
    for profile, redaction in ALL.items():
        key = redaction(event(123)).key

        assert key not in guessed, profile
        assert key == redaction(event(123)).key, profile
        assert len({key, *(redaction(event(n, str(n))).key for n in range(2, 9))}) == 8, profile
        assert (key == redaction(event(123, "2")).key) == (profile != "strict"), profile


def test_a_message_that_a_replay_has_numbered_has_the_same_key() -> None:
    """What an archive has twice was one message of SQS; any other id may be of two messages."""
    around = {"event_name": "x_created", "root_account_id": ROOT}
    for number, same in (("2f1c7a52-0d2b-4b6f-8a53-5f4f3f0c9d11", True), ("a.jsonl:1", False)):
        first, second = (
            STRICT(event_of({"metadata": around, "body": {}}, message_id=each)).key
            for each in (number, f"{number}#2")
        )

        assert (first == second) == same, number


def test_a_key_that_was_made_by_chance_stays() -> None:
    """That of Caliper."""
    for redaction in ALL.values():
        assert redaction(caliper()).key == caliper().key


def test_a_name_that_is_no_name_of_an_event_is_left_nowhere() -> None:
    """In Caliper format, an unknown event is named after its type, action and object."""
    odd = caliper("", action="jchen@x.edu", object={"type": "Jane Chen"})
    for event in (odd, canvas("see jchen@x.edu"), canvas("of_21070000000000123")):
        for redaction in ALL.values():
            assert redaction(event).name == "(other)"
    for redaction in ALL.values():
        assert redaction(canvas("quizzes-lti.grade_changed")).name == "quizzes-lti.grade_changed"
        assert redaction(caliper("", action="Paused")).name == caliper("", action="Paused").name
