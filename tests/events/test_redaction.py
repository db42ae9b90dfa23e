"""What the profiles do with single fields, in both formats."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from typing import Any

import pytest

from consumer.events.decode import decode
from consumer.events.redaction import Pseudonyms, Redaction
from consumer.messages import Event
from consumer.testing import make_message
from tests.cases import for_each
from tests.events.redacted import (
    ANALYTICS,
    KEY,
    PSEUDONYMS,
    STRICT,
    STRICT_WITH_KEY,
    caliper,
    canvas,
    event_of,
)

USER = PSEUDONYMS.of("user", "21070000000000123")
CANVAS = "com.instructure.canvas"


def body(event: Event, redaction: Redaction = ANALYTICS) -> Any:
    return redaction(event).body


def test_a_person_is_the_same_in_all_fields_and_both_formats() -> None:
    """Global, local, as a number, and in URNs."""
    urn = "urn:instructure:canvas:user:21070000000000123"
    course = "urn:instructure:canvas:course:21070000000000005"
    first = ANALYTICS(canvas("discussion_entry_created", {"user_id": 123}, real_user_id="123"))
    second = ANALYTICS(
        caliper(
            "enrollment_created",
            membership={"id": f"{course}:Learner:21070000000000123", "member": urn},
            object={"extensions": {CANVAS: {"user_id": urn}}},
        )
    )

    assert first.metadata["user_id"] == first.metadata["real_user_id"] == USER
    assert first.body["user_id"] == USER
    assert second.body["actor"]["id"] == f"urn:instructure:canvas:user:{USER}"
    assert second.body["actor"]["extensions"][CANVAS]["entity_id"] == USER
    assert second.body["membership"]["id"] == f"{course}:Learner:{USER}"
    assert second.body["membership"]["member"] == f"urn:instructure:canvas:user:{USER}"
    found = second.body["object"]["extensions"][CANVAS]["user_id"]
    assert found == f"urn:instructure:canvas:user:{USER}"


def test_the_common_view_has_the_pseudonym_and_not_the_id() -> None:
    """From both formats; what else it has stays."""
    for event in (canvas(), caliper()):
        subject = ANALYTICS(event).subject

        assert subject.user_pseudonym == STRICT_WITH_KEY(event).subject.user_pseudonym == USER
        assert subject.user_id is STRICT(event).subject.user_id is None
        assert STRICT(event).subject.user_pseudonym is None
        assert subject.account_id == event.subject.account_id
        assert event.subject.user_id is not None


def test_a_user_that_the_event_is_about_is_in_no_view() -> None:
    """The id of the entity is then that of a person."""
    event = canvas("user_created", {"user_id": "21070000000000123", "name": "Ada Chen"})

    assert event.subject.entity_id is not None
    assert ANALYTICS(event).subject.entity_id is None
    assert ANALYTICS(event).data.user_id == USER


def test_logins_sis_ids_names_and_sessions_have_pseudonyms_of_their_own_kind() -> None:
    """The same in both formats; an e-mail address is like a login."""
    first = ANALYTICS(canvas(user_login="Ada@x.edu ", user_sis_id="S1", session_id="abc"))
    progress = ANALYTICS(canvas("course_completed", {"user": {"email": "ada@x.edu", "name": "A"}}))
    person = {
        "id": "urn:instructure:canvas:user:5",
        "extensions": {CANVAS: {"user_login": "ada@x.edu", "user_sis_id": "S1"}},
    }
    second = ANALYTICS(caliper(actor=person, session={"id": "urn:instructure:canvas:session:abc"}))
    extra = second.body["actor"]["extensions"][CANVAS]

    assert (
        first.metadata["user_login"] == extra["user_login"] == PSEUDONYMS.of("login", "ada@x.edu")
    )
    assert progress.body["user"]["email"] == extra["user_login"]
    assert first.metadata["user_sis_id"] == extra["user_sis_id"] == PSEUDONYMS.of("sis", "S1")
    session = first.metadata["session_id"]
    assert second.body["session"]["id"] == f"urn:instructure:canvas:session:{session}"
    assert len({session, extra["user_login"], extra["user_sis_id"]}) == 3


def test_another_key_makes_other_pseudonyms() -> None:
    """All of them: after a rotation, nothing can be joined with what landed before."""
    other = Pseudonyms(KEY[::-1])

    assert other.of("user", "1") != PSEUDONYMS.of("user", "1")
    assert PSEUDONYMS.of("user", "1") == "p-" + PSEUDONYMS.of("user", "1")[2:]
    assert len(PSEUDONYMS.of("user", "1")) == 34


def test_a_pseudonym_is_what_the_readme_says() -> None:
    """So another system with the key can make the same one."""
    made = hmac.new(KEY.encode(), b"user:21070000000000123", hashlib.sha256).hexdigest()

    assert f"p-{made[:32]}" == USER


@for_each("key", ["", "short", "a" * 64, "0123456789abcdef" * 3, "0123456789abcdefghij", "x" * 43])
def test_a_key_that_can_be_guessed_is_refused(key: str) -> None:
    """Too short, or always the same; the text never shows it."""
    with pytest.raises(ValueError, match="openssl rand -hex 32") as caught:
        Pseudonyms(key)

    assert not key or key not in str(caught.value)


def test_the_key_is_in_no_repr() -> None:
    """Neither of the pseudonyms nor of the redaction."""
    assert KEY not in repr(PSEUDONYMS) + repr(ANALYTICS) + repr(vars(ANALYTICS))


def test_analytics_needs_a_key() -> None:
    """Without one, an id could be found by trying all."""
    with pytest.raises(ValueError, match="needs pseudonyms"):
        Redaction("analytics")


@for_each(
    "given, kept",
    [
        ("203.0.113.57", "203.0.113.0"),
        (" 203.0.113.57 ", "203.0.113.0"),
        ("203.0.113.57:443", "203.0.113.0"),
        ("::ffff:203.0.113.57", "203.0.113.0"),
        ("2001:db8:17:1:2:3:4:5", "2001:db8:17::"),
        ("[2001:db8:17:1::5]:443", "2001:db8:17::"),
        ("fe80::1234%eth0", "fe80::"),
        ("203.0.113.57, 10.0.0.1", None),
        ("localhost", None),
        ("", None),
        (3405803833, None),
        (["203.0.113.57"], ["203.0.113.0"]),
    ],
)
def test_of_an_address_the_network_is_left(given: Any, kept: Any) -> None:
    """What is not an address is dropped."""
    redacted = ANALYTICS(canvas(client_ip=given))

    assert redacted.metadata.get("client_ip") == kept
    assert "client_ip" not in STRICT(canvas(client_ip=given)).metadata


@for_each(
    "given, kept",
    [
        ("https://x.edu/courses/5/assignments/7?user=ada#ada", "https://x.edu/courses/5/assignments/7"),
        ("https://ada:secret@X.edu:8443/login", "https://x.edu:8443/login"),
        ("https://x.edu/users/123", f"https://x.edu/users/{USER}"),
        ("https://x.edu/api/v1/users/123/courses", f"https://x.edu/api/v1/users/{USER}/courses"),
        ("https://x.edu/users/21070000000000123", f"https://x.edu/users/{USER}"),
        ("https://x.edu/users/sis_login_id:ada", "https://x.edu/users/*"),
        ("https://x.edu/courses/5/pages/about-ada-chen", "https://x.edu/courses/5/pages/*"),
        ("https://x.edu/courses/5/grades/123", "https://x.edu/courses/5/grades/*"),
        ("https://x.edu/feeds/calendars/user_Abc0123456789abcdef.ics", "https://x.edu/feeds/*/*"),
        ("https://203.0.113.57/courses/5", "https://*/courses/5"),
        ("/courses/5/users/123?as_user_id=9", f"/courses/5/users/{USER}"),
        ("https:\\/\\/x.edu\\/courses\\/5", "https://x.edu/courses/5"),
        ("javascript:alert(1)", None),
        ("ada@x.edu", None),
        ("", None),
        (5, None),
    ],
)  # fmt: skip
def test_of_a_url_host_and_known_path_are_left(given: Any, kept: str | None) -> None:
    """Neither the query, nor ids of persons, nor words that may be names."""
    redacted = ANALYTICS(canvas(url=given, referrer=given))

    assert redacted.metadata.get("url") == redacted.metadata.get("referrer") == kept
    assert "url" not in STRICT_WITH_KEY(canvas(url=given)).metadata


def test_of_a_browser_its_name_and_system_are_left() -> None:
    """Neither versions nor what an app or a script adds."""
    agent = "Mozilla/5.0 (Windows NT 10.0; Win64) Chrome/128.0.0.0 Safari/537.36 Edg/128.0"

    assert ANALYTICS(canvas(user_agent=agent)).metadata["user_agent"] == "Edg Windows"
    assert "user_agent" not in ANALYTICS(canvas(user_agent="sync (ada@x.edu)")).metadata


def test_texts_of_persons_are_dropped_and_grades_stay() -> None:
    """In analytics; strict drops both."""
    event = canvas(
        body={
            "body": "<p>Ada</p>",
            "url": "https://ada.me",
            "score": 7.5,
            "grade": "A-",
            "late": True,
        }
    )

    assert body(event) == {"score": 7.5, "grade": "A-", "late": True}
    assert body(event, STRICT) == {}


def test_titles_are_kept_without_what_looks_personal() -> None:
    """Of courses and assignments, in analytics; strict drops any text."""
    title = (
        "Ask ada.chen@x.edu or 203.0.113.57, https://x.edu/users/123?a=b /users/123"
        " urn:instructure:canvas:user:123, 2001:db8::5 at 12:30:45"
    )
    event = canvas("assignment_created", {"title": title, "description": "Lab 4: 1.2.3"})
    kept = (
        f"Ask [removed] or [removed], https://x.edu/users/{USER} [removed]"
        f" urn:instructure:canvas:user:{USER}, [removed] at 12:30:45"
    )

    assert body(event) == {"title": kept, "description": "Lab 4: 1.2.3"}
    assert body(event, STRICT) == {}


def test_the_id_of_a_context_or_asset_that_is_a_user_is_replaced() -> None:
    """Its type says so."""
    about = {"asset_type": "user", "asset_id": "21070000000000123", "asset_name": "Ada Chen"}
    around = {"context_type": "User", "context_id": "21070000000000123"}
    event = canvas("asset_accessed", about, **around, context_sis_source_id="S1")
    redacted = ANALYTICS(event)

    assert redacted.body == {"asset_type": "user", "asset_id": USER}
    assert redacted.metadata["context_id"] == USER
    assert redacted.metadata["context_sis_source_id"] == PSEUDONYMS.of("sis", "S1")
    assert STRICT(event).body == {"asset_type": "user"}
    assert "context_id" not in STRICT(event).metadata


def test_unknown_fields_are_kept_unless_they_look_personal() -> None:
    """In analytics by name and value; strict drops all."""
    unknown = {
        "color": "red", "count": 5, "ok": True, "at": "2026-09-01 10:00:00 UTC",
        "inner": {"level": 2, "student_name": "Ada"}, "list": ["a", {"email": "x"}],
        "new_user_id": 123, "userIds": [123], "comment": "x", "sisKey": "x", "note": "See Ada Chen",
        "label": "Ada Chen", "ada@x.edu": 1, "12345678": 1, "host": "203.0.113.57",
        "who": "urn:instructure:canvas:user:123", "json": '{"name":"Ada"}', "big": 1 << 200,
    }  # fmt: skip
    event = canvas("brand_new", unknown)

    assert body(event) == {
        "color": "red", "count": 5, "ok": True, "at": "2026-09-01 10:00:00 UTC",
        "inner": {"level": 2}, "list": ["a", {}], "new_user_id": USER, "userIds": [USER],
        "host": "[removed]", "who": f"urn:instructure:canvas:user:{USER}",
    }  # fmt: skip
    assert body(event, STRICT) == body(event, STRICT_WITH_KEY) == {}


def test_what_is_known_of_a_person_is_left_nowhere_else() -> None:
    """A kept text that contains a login, a name or an id of the same event is dropped."""
    event = canvas(
        "course_updated",
        {"name": "Tutorial of jchen99", "color": "JCHEN99", "jchen99": 1, "course_id": 5, "n": 5},
        user_login="jchen99",
    )

    assert body(event) == {"course_id": 5, "n": 5}


def test_values_of_the_wrong_type_are_no_way_out() -> None:
    """A text, an object or a list where the catalog has something else."""
    for value in (
        "jchen@x.edu",
        {"name": "jchen"},
        ["jchen@x.edu"],
        [[{"login": "jchen"}]],
        {"jchen@x.edu": 1},
    ):
        wrong = dict.fromkeys(
            (
                "submission_id",
                "user_id",
                "score",
                "late",
                "submitted_at",
                "workflow_state",
                "grade",
            ),
            value,
        )
        for redaction in (ANALYTICS, STRICT, STRICT_WITH_KEY):
            redacted = redaction(canvas(body=wrong, user_id=value, event_time=value))

            assert "jchen" not in redacted.raw.casefold(), (value, redacted.raw)
            assert redacted.time_text == ""


def test_deeply_nested_values_are_dropped() -> None:
    """At any depth that can be decoded, and redaction does not fail."""
    deep: Any = "jchen@x.edu"
    for _ in range(150):
        deep = {"inner": [deep]}

    redacted = ANALYTICS(canvas("brand_new", {"deep": deep, "ok": 1}))

    assert redacted.body["ok"] == 1
    assert "jchen" not in redacted.raw


@for_each(
    "part",
    [
        "\u0301\u0323",
        "a",
        "a@",
        ":",
        "1.",
        "f:",
        "?a=",
        "%25",
        "/users/",
        "https://",
        "urn:",
        "user:1:",
        "user_1,",
        "user [",
        "%40",
        "&#64",
        "=a@a",
    ],
)
def test_long_texts_take_no_longer_than_they_are_long(part: str) -> None:
    """Hostile ones, too: four times the text takes at most ten times as long."""

    def seconds(length: int) -> float:
        text = (part * length)[:length]
        event = canvas(
            "course_updated", {"name": text, "color": text, "when": text}, url=text,
            user_login=text,
        )  # fmt: skip
        return min(_timed(event) for _ in range(3))

    assert seconds(200_000) < 10 * max(seconds(50_000), 0.005)


def _timed(event: Event) -> float:
    start = time.process_time()
    ANALYTICS(event)
    return time.process_time() - start


def test_the_event_and_its_place_stay() -> None:
    """Name, format, time and message id are those of the original, which does not change."""
    for event in (canvas(body={"score": 5}), caliper()):
        before = event.raw, json.dumps(event.payload)
        redacted = ANALYTICS(event)

        for part in ("name", "format", "time", "message_id", "index", "count", "change"):
            assert getattr(redacted, part) == getattr(event, part), part
        assert (event.raw, json.dumps(event.payload)) == before
        assert "21070000000000123" not in repr(redacted) + redacted.raw


def test_raw_payload_metadata_and_body_agree() -> None:
    """Raw is the JSON of what is left."""
    event = event_of(
        {"metadata": None, "attributes": {"event_name": "x"}, "body": {"a": 1}, "b": 2}
    )
    redacted = ANALYTICS(event)

    assert json.loads(redacted.raw) == redacted.payload
    assert redacted.payload == {"attributes": {"event_name": "x"}, "body": {"a": 1}, "b": 2}
    redacted = ANALYTICS(caliper())
    assert json.loads(redacted.raw) == {**redacted.metadata, "data": [redacted.body]}
    assert redacted.payload is redacted.body


def test_of_several_events_in_an_envelope_each_is_alone() -> None:
    """Its raw text has nothing of the others."""
    one = caliper().body
    both = {"sensor": "x", "data": [{**one, "id": "urn:uuid:1"}, {**one, "id": "urn:uuid:2"}]}
    events = decode(make_message(json.dumps(both)))
    redacted = [ANALYTICS(event) for event in events]

    assert [(event.index, event.count) for event in redacted] == [(0, 2), (1, 2)]
    assert [len(json.loads(event.raw)["data"]) for event in redacted] == [1, 1]


def test_a_caliper_id_that_may_mean_something_is_not_the_key() -> None:
    """The key is then a digest, the same each time."""
    event = caliper(id="https://x.edu/users/ada")

    assert event.key == "https://x.edu/users/ada"
    assert len(ANALYTICS(event).key) == 64
    assert ANALYTICS(event).key == ANALYTICS(caliper(id="https://x.edu/users/ada")).key
    assert "ada" not in ANALYTICS(event).raw


def test_no_user_is_no_pseudonym() -> None:
    """0 and software stand for nobody."""
    software = {"id": "https://x.edu/", "type": "SoftwareApplication"}

    assert "user_id" not in ANALYTICS(canvas(user_id=0)).metadata
    assert ANALYTICS(canvas(user_id=0)).subject.user_pseudonym is None
    assert ANALYTICS(caliper(actor=software)).body["actor"] == software
    job = ANALYTICS(canvas(user_id=None, job_id="1"))
    assert (job.triggered_by_job, job.subject.user_pseudonym) == (True, None)


def test_lone_surrogates_are_no_error() -> None:
    """Neither in logins nor in texts."""
    event = canvas("course_updated", {"name": "a \ud800 b"}, user_login="\ud83d")
    redacted = ANALYTICS(event)

    assert redacted.metadata["user_login"].startswith("p-")
    assert redacted.raw.isascii()


def test_strict_keeps_what_is_shared() -> None:
    """Ids of courses and their parts, times, numbers and words; no ids of one person's work."""
    event = canvas(
        body={
            "submission_id": "1", "assignment_id": "21070000000000007", "attempt": 2,
            "user_id": "123", "submitted_at": "2026-09-01T14:00:00Z", "group_id": "3",
            "submission_type": "online_upload", "workflow_state": "submitted by Ada",
            "lti_assignment_id": "b5-0",
        },
        context_type="Course", context_id="21070000000000005", request_id="a", http_method="POST",
    )  # fmt: skip

    assert body(event, STRICT) == {
        "assignment_id": "21070000000000007", "attempt": 2, "submitted_at": "2026-09-01T14:00:00Z",
        "submission_type": "online_upload", "lti_assignment_id": "b5-0",
    }  # fmt: skip
    assert STRICT(event).subject.course_id == event.subject.course_id
    assert STRICT(event).subject.entity_id is None
    assert body(event, STRICT_WITH_KEY)["user_id"] == USER
    assert "request_id" not in STRICT(event).metadata
