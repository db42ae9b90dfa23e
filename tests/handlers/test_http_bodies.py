"""What the http handler sends: records, messages from templates, events for Splunk, headers."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from consumer.errors import ConfigurationError
from consumer.handlers.records import line_of
from consumer.testing import ManualClock, make_context, make_event
from tests.cases import for_each
from tests.handlers.http_rig import made, numbered, rig, warned
from tests.queues.servers import http

NOW = datetime(2026, 11, 27, 10, 0, tzinfo=UTC)
ODD = make_event(body={"title": 'a "b" \\ \n\x00 \ud83d\ude00 \ud800 {course_id} é', "n": None})


def sent(*events: Any, **options: Any) -> list[Any]:
    """The bodies, decoded from JSON."""
    with rig(lambda _: [http(b"")], clock=ManualClock(NOW), **options) as there:
        assert {ran.verdict for ran in there.land(*events)} == {"ack"}
    return [json.loads(body) for body in there.bodies]


def test_an_event_is_sent_as_its_record() -> None:
    """The same as in the archive, so that it can be replayed; secrets in URLs are scrubbed."""
    event = make_event(url="https://canvas.example.edu/?access_token=s3cret")
    (record,) = sent(event)
    assert json.loads(line_of(event, "2026-11-27T10:00:00Z", scrub_secrets=True)) == record
    assert "s3cret" not in str(record)
    assert "s3cret" in str(sent(event, scrub_secrets=False))


def test_a_batch_is_an_array_of_records() -> None:
    """Also one of a single event; each lands."""
    events = numbered(5)
    one, two = sent(*events, batch_size=4)
    keys = [event.key for event in events]
    assert keys[:4] == [record["event_key"] for record in one]
    assert keys[4:] == [record["event_key"] for record in two]


def test_ndjson_has_a_line_for_each_event() -> None:
    """Each with its newline; also alone."""
    events = [*numbered(2), ODD]
    for batch_size, requests in ((3, 1), (None, 3)):
        with rig(lambda _: [http(b"")], batch_size=batch_size, body="ndjson") as there:
            there.land(*events)
        assert requests == len(there.bodies)
        lines = b"".join(there.bodies).split(b"\n")
        assert lines.pop() == b""
        assert [e.key for e in events] == [json.loads(line)["event_key"] for line in lines]
        assert there.server.requests[0].headers["content-type"] == "application/x-ndjson"


def test_nothing_is_sent_for_no_events() -> None:
    """An empty batch."""
    with rig(lambda _: [http(b"")], batch_size=4) as there:
        assert there.handler.call_batch is not None
        there.handler.call_batch([], make_context())
    assert there.bodies == []


def test_a_template_has_values_of_the_event() -> None:
    """At any depth, each as text; what is missing is empty. Values are not looked at again."""
    event = make_event(
        "submission_created",
        body={
            "assignment_name": 'Essay "1" {body.score} {{x}}', "score": 5.5, "late": True,
            "tags": ["a", 1], "gone": None,
        },
        user_id="21070000000000007",
    )  # fmt: skip
    template = {
        "text": "{body.assignment_name}: {body.score}/{body.late}/{body.tags}/{body.gone}!",
        "blocks": [{"id": "{user_id}", "n": 3, "flag": True, "none": None, "more": ["{name}"]}],
        "braces": "{{{metadata.producer}}}",
        "when": "{time} {body.not.there} {change}",
        "{name}": "keys stay",
    }
    (message,) = sent(event, template=template)

    assert message == {
        "text": 'Essay "1" {body.score} {{x}}: 5.5/true/["a", 1]/!',
        "blocks": [
            {
                "id": "21070000000000007", "n": 3, "flag": True, "none": None,
                "more": ["submission_created"],
            }
        ],
        "braces": "{canvas}",
        "when": "2024-03-01T12:00:00Z  created",
        "{name}": "keys stay",
    }  # fmt: skip


def test_odd_characters_survive_a_template() -> None:
    """NUL, quotes, lone surrogates; the JSON is ASCII."""
    (message,) = sent(ODD, template={"text": "{body.title}"})
    assert ODD.body["title"] == message["text"]


def test_a_text_is_sent_as_it_is() -> None:
    """For receivers of plain text, such as ntfy."""
    event = make_event(body={"title": "é \ud800"})
    with rig(lambda _: [http(b"")], template="New: {body.title}", method="PUT") as there:
        assert there.reasons(event) == ["ack"]

    (request,) = there.server.requests
    assert request.line.startswith("PUT ")
    assert request.headers["content-type"] == "text/plain; charset=utf-8"
    assert request.body.decode() == "New: é \\ud800"


def test_a_value_can_not_call_a_channel_of_slack() -> None:
    """Slack gives three characters a meaning; they are escaped in values, not in the template."""
    event = make_event(body={"title": "<!channel> & <https://evil.example|grades>"})
    options = {"template": {"text": "<!here> {body.title}"}}
    (slack,) = sent(event, preset="slack", **options)
    (other,) = sent(event, **options)

    title = "&lt;!channel&gt; &amp; &lt;https://evil.example|grades&gt;"
    assert slack == {"text": f"<!here> {title}"}
    assert other == {"text": f"<!here> {event.body['title']}"}


def test_an_id_without_a_shard_is_its_local_one() -> None:
    """Else it is the global one."""
    for root, shown in (("21070000000000001", "21070000000000012"), (None, "12")):
        event = make_event(body={"course_id": "12"}, root_account_id=root)
        (message,) = sent(event, template={"id": "{course_id}"})
        assert message == {"id": shown}


def test_headers_and_token() -> None:
    """As given; the key of the event lets the receiver recognise a duplicate."""
    with rig(
        lambda _: [http(b"")], headers={"X-Env": "prod", "content-type": "application/cloudevents"},
        token="t0k/en==", path="/a/é?q=1&x=%20#part",
    ) as there:  # fmt: skip
        there.land(make_event())

    (request,) = there.server.requests
    assert request.line == "POST /a/%C3%A9?q=1&x=%20 HTTP/1.1"
    headers = request.headers
    assert headers.pop("user-agent").startswith("canvas-live-events-consumer/")
    assert headers == {
        "host": f"127.0.0.1:{there.server.port}",
        "webhook-id": make_event().key,
        "x-env": "prod",
        "content-type": "application/cloudevents",
        "authorization": "Bearer t0k/en==",
        "accept-encoding": "identity",
        "content-length": str(len(request.body)),
    }


URL = {"url": "https://example.edu/"}


def test_an_unlikely_field_in_a_template_is_a_warning() -> None:
    """Its value would always be empty."""
    warned.clear()
    texts = ["{body.title} {{body.x}} {time}", "{body.titel} {metadata.hostnam}"]
    made({**URL, "template": {"text": texts}})

    assert warned == [
        f'handler "chat": template: no known event has {path}'
        for path in (
            'body.titel; did you mean "title"?',
            'metadata.hostnam; did you mean "hostname"?',
        )
    ]


@for_each(
    "options, error",
    [
        ({}, "url must be given, or url_file"),
        ({"url": "ftp://s3cret"}, "url must be an http or https URL, without a user name or"),
        ({"url": "https://user:s3cret@x/"}, "url must be an http or https URL, without a user"),
        ({"url": "https://ü.example/s3cret"}, "url must be a URL with its host in ASCII (xn--"),
        ({"url": "https://a%zz/s3cret"}, "url must be a URL with its host in ASCII (xn--"),
        ({**URL, "method": "GET"}, "method must be one of POST, PUT"),
        ({**URL, "preset": "teams"}, "preset must be one of none, splunk_hec, slack"),
        ({**URL, "index": "main"}, 'has no option "index"'),
        ({**URL, "templat": "x"}, 'did you mean "template"?'),
        ({**URL, "template": "{cours_id}"}, "template: there is no 'cours_id': did you mean \"c"),
        ({**URL, "template": {"a": ["{body.__class__}", "{}"]}}, "template: a: there is no ''"),
        ({**URL, "template": "{event.__class__}"}, "there is no 'event.__class__'"),
        ({**URL, "template": "{name!r}"}, "there is no 'name!r'"),
        ({**URL, "template": "{name:>9}"}, "there is no 'name:>9'"),
        ({**URL, "template": "{"}, 'template: a "{" is alone: write "{{" for the character'),
        ({**URL, "template": "}"}, 'template: a "}" is alone'),
        ({**URL, "template": {"a": NOW}}, "template: a must be text, numbers, lists and mappings"),
        ({**URL, "template": {"a": float("nan")}}, "template: a must be text, numbers, lists and"),
        ({**URL, "template": ""}, "template must be a text, a mapping or a list, not empty"),
        ({**URL, "template": {}}, "template must be a text, a mapping or a list, not empty"),
        ({**URL, "template": 5}, "template must be a text, a mapping or a list, not empty"),
        ({**URL, "template": "x", "preset": "slack"}, "template must be a mapping, such as {text"),
        (
            {**URL, "template": "{name}", "headers": {"content-type": "application/JSON"}},
            "template must be a mapping or a list, because Content-Type is JSON",
        ),
        ({**URL, "template": "x", "body": "json"}, "body must be left out with template"),
        ({**URL, "reject": ["5xx"]}, 'reject must be a list of "4xx" and of statuses from 400'),
        ({**URL, "reject": [429]}, "reject must be"),
        ({**URL, "reject": [200]}, "reject must be"),
        ({**URL, "reject": True}, "reject must be"),
        ({**URL, "headers": {"Host": "x"}}, "headers must be names of headers that the handler"),
        ({**URL, "headers": {"a b": "x"}}, "headers must be names"),
        ({**URL, "headers": {"a": "s3cret\r\nx: y"}}, "headers must be texts; that of a is none"),
        ({**URL, "headers": {"a": 5}}, "headers must be texts"),
        ({**URL, "token": "s3cret word"}, "token must be one word, as token_type"),
        ({**URL, "token": "s3cret", "headers": {"authorization": "x"}}, "token must be left out"),
        ({**URL, "signing_secret": "s3cret!"}, "signing_secret must be base64 of at least 16"),
        ({**URL, "signing_secret": "c2hvcnQ="}, "signing_secret must be base64 of at least 16"),
        ({**URL, "second_signing_secret": "s3cret"}, "second_signing_secret must be left out"),
        ({**URL, "ca_file": "/nowhere"}, "ca_file must be a file with PEM certificates (No such"),
        ({**URL, "ca_file": "/dev/null"}, "ca_file must be a file with PEM certificates ("),
        ({**URL, "request_timeout_seconds": 0}, "request_timeout_seconds must be a number from"),
        ({**URL, "preset": "slack"}, "template must be given, because preset is slack"),
        ({**URL, "preset": "splunk_hec", "template": "x"}, "template must be left out, because"),
        ({**URL, "preset": "splunk_hec", "body": "json"}, "body must be left out with template"),
    ],
)
def test_wrong_options_are_refused(options: dict[str, Any], error: str) -> None:
    """At load, without their values, which may be secrets."""
    with pytest.raises(ConfigurationError) as caught:
        made(options)
    assert error in str(caught.value)
    assert "s3cret" not in str(caught.value)
    assert 'handler "chat"' in str(caught.value)


def test_a_template_is_about_one_event() -> None:
    """So it can't be used with batches."""
    with pytest.raises(ConfigurationError, match="template must be used without batch_size"):
        made({**URL, "template": "x"}, batch_size=10)


def test_http_over_a_network_is_warned_of() -> None:
    """Not on this machine."""
    warned.clear()
    made(URL)
    made({"url": "http://localhost:8080/"})
    assert warned == []
    made({"url": "http://events.example.edu/s3cret"})
    assert warned == ['handler "chat": the url is http: events are sent unencrypted']
