"""For any payload: what was planted as a person's is left nowhere, and redaction never fails."""

from __future__ import annotations

import copy
import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from consumer.errors import DecodeError
from consumer.events.catalog.index import names
from consumer.events.decode import decode
from consumer.events.samples import sample_message
from consumer.messages import Event, Format
from consumer.testing import make_message
from tests.events.redacted import ALL

ANYTHING = settings(max_examples=100)

#: Of one person. None is part of another, nor of a sample.
GLOBAL = "85990777000111222"
LOGIN, SIS, NAME = "zqlogin91", "ZQSIS/77-x", "Zqfirst Zqlast"
EMAIL, IP, IP6 = "zqmail.x@zqmail.example", "198.18.77.66", "2001:db8:zq".replace("zq", "7a:77::7b")
SESSION, TOKEN = "zqsession0123456789", "8599~zqtoken0123456789abcdefZQTOKEN"
PLANTED = (GLOBAL, LOGIN, SIS, NAME, EMAIL, IP, IP6, SESSION, TOKEN)

#: Texts that contain one, as they occur anywhere in events.
HIDING = st.sampled_from([
    *PLANTED[1:],  # in the field for the id of a course, a number is the id of a course
    f"https://x.edu/users/{GLOBAL}?a=1", f"https://x.edu/courses/5?login={LOGIN}#{EMAIL}",
    f"https://{LOGIN}:x@x.edu/", f"/users/{GLOBAL}/files", f"https://x.edu/~{LOGIN}/{SIS}",
    f"urn:instructure:canvas:user:{GLOBAL}", f"urn:instructure:canvas:course:5:user:{GLOBAL}",
    f"urn:instructure:canvas:course:5:Learner:{GLOBAL}", f"{IP}, 10.0.0.1", f"[{IP6}]:80",
    f"urn:instructure:canvas:session:{SESSION}",
    f"<p>Dear {NAME}, write to <a href='mailto:{EMAIL}'>me</a></p>",
    f"https://x.edu/a?access_token={TOKEN}", f"from {IP}:443", f"{NAME}'s essay.pdf",
    f"https:\\/\\/x.edu\\/users\\/{GLOBAL}", f"https%3A%2F%2Fx.edu%2Fusers%2F{GLOBAL}",
    f"urn:instructure:canvas:user:{LOGIN}", f"urn:instructure:canvas:course:5:Learner:{GLOBAL}.",
    f"users/{GLOBAL}", f"see &#x2F;users&#x2F;{GLOBAL}", EMAIL.replace("@", "&#64;"),
    f"HTTPS://X.EDU/{LOGIN}?{GLOBAL}", NAME.replace(" ", "%20"), NAME.replace("Z", "&#90;"),
    f"{EMAIL.upper()}", json.dumps({"login": LOGIN}),
])  # fmt: skip
SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | HIDING | st.text()
)
KEYS = HIDING | st.text(max_size=8) | st.sampled_from([
    "user_id", "name", "id", "extensions", "com.instructure.canvas", "actor", "members", "color",
    "score", "body", "data", "metadata", "context_type", "context_id",
])  # fmt: skip
TREES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=10,
)
#: In Canvas format, these events have fields for names.
NAMED = ("user_created", "user_updated", "enrollment_")
FORMATS: st.SearchStrategy[Format] = st.sampled_from(["canvas", "caliper"])


def planted(event_format: Format, name: str) -> Any:
    """A sample in which the person has their identifiers in the fields for them."""
    payload = json.loads(sample_message(name, event_format).body)
    if event_format == "canvas":
        payload["metadata"] |= {
            "user_id": GLOBAL, "user_login": LOGIN, "user_sis_id": SIS, "client_ip": IP,
            "session_id": SESSION,
        }  # fmt: skip
        if name.startswith(NAMED):
            payload["body"] |= {"user_name": NAME, "name": NAME, "short_name": NAME}
        return payload
    (event,) = payload["data"]
    event["session"] = {"id": f"urn:instructure:canvas:session:{SESSION}"}
    extra = {"user_login": LOGIN, "user_sis_id": SIS, "entity_id": GLOBAL}
    event["actor"] = {
        "id": f"urn:instructure:canvas:user:{GLOBAL}",
        "extensions": {"com.instructure.canvas": extra},
    }
    return payload


def event_of(payload: Any, name: str) -> Event:
    message = make_message(json.dumps(payload), message_attributes={"event_name": name})
    return decode(message)[0]


def put(data: st.DataObject, holder: Any, value: Any) -> None:
    """Put the value somewhere in a payload, at any depth: in place of a value, or beside it."""
    while True:
        inner = [k for k, v in holder.items() if isinstance(v, dict) and v]
        inner += [
            k for k, v in holder.items() if isinstance(v, list) and v and isinstance(v[0], dict)
        ]
        if not inner or data.draw(st.booleans()):
            break
        found = holder[data.draw(st.sampled_from(inner))]
        holder = found[0] if isinstance(found, list) else found
    kept = {
        "event_name", "type", "action", "user_id", "user_login", "user_sis_id", "client_ip",
        "session_id", "id", "entity_id", "actor", "session", "extensions", "metadata", "data",
        "body", "com.instructure.canvas", "user_name", "short_name", "name",
    }  # fmt: skip
    free = [k for k, v in holder.items() if k not in kept and not isinstance(v, dict | list)]
    key = data.draw(st.sampled_from(free) | KEYS if free else KEYS)
    if key not in kept:
        holder[key] = value


def left_in(event: Event) -> list[str]:
    raw = event.raw.casefold()
    found = (*PLANTED, *(json.dumps(text)[1:-1] for text in PLANTED))
    return [text for text in found if text.casefold() in raw]


@ANYTHING
@given(st.data(), FORMATS)
def test_nothing_planted_is_left(data: st.DataObject, event_format: Format) -> None:
    """Wherever it is put, and whatever is around it; not in views either."""
    name = data.draw(st.sampled_from(names(event_format)))
    payload = planted(event_format, name)
    around = payload["metadata" if event_format == "canvas" else "data"]
    body = payload["body"] if event_format == "canvas" else payload["data"][0]
    for _ in range(data.draw(st.integers(1, 5))):
        holder = data.draw(st.sampled_from([payload, body, *([around] * (around is not body))]))
        value = data.draw(HIDING | TREES)
        # A name can't be recognized in a title, unless the event has it elsewhere.
        named = event_format == "canvas" and name.startswith(NAMED)
        if NAME not in json.dumps(value) or named:
            put(data, holder if isinstance(holder, dict) else body, value)
    try:
        event = event_of(payload, name)
    except DecodeError:  # not an event any more
        return
    for profile, redaction in ALL.items():
        redacted = redaction(event)

        assert left_in(redacted) == [], (profile, redacted.raw)
        assert json.loads(redacted.raw) is not None
        assert redacted.subject.user_id is None
        assert redacted.key not in PLANTED


@ANYTHING
@given(TREES.filter(lambda tree: isinstance(tree, dict)), TREES, FORMATS)
def test_any_event_can_be_redacted(body: Any, more: Any, event_format: Format) -> None:
    """Strict JSON that decodes to what the redacted event says; the original stays as it is."""
    name = "brand_new"
    if event_format == "canvas":
        payload: Any = {"metadata": {"event_name": name, "x": more}, "body": body, "y": more}
    else:
        payload = {"sensor": more, "data": [{**body, "type": "Event", "action": "Created"}]}
    event = event_of(payload, name)
    before = copy.deepcopy(dict(event.payload))
    for redaction in ALL.values():
        redacted = redaction(event)

        decoded = json.loads(redacted.raw)
        found = decoded if event_format == "canvas" else decoded["data"][0]
        assert found == redacted.payload
        assert (redacted.key, redacted.name) == (redaction(event).key, name)
        assert event.payload == before
