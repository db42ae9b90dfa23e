"""Requests are signed as Standard Webhooks says; its own library is the judge."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import TYPE_CHECKING, Any

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from consumer.clock import SystemClock
from consumer.handlers.http.signing import webhook_id
from consumer.testing import make_event
from tests.cases import for_each
from tests.handlers.http_rig import numbered, rig
from tests.queues.servers import http

if TYPE_CHECKING:
    from pathlib import Path

    from tests.queues.servers import Request

FIRST = "whsec_" + b64encode(bytes(range(32))).decode()
SECOND = b64encode(b"x" * 24).decode()
ODD = make_event(body={"title": 'é \ud83d\ude00 \ud800 \x00 "'})


def posted(*events: Any, **options: Any) -> list[Request]:
    options = {"clock": SystemClock(), "signing_secret": FIRST, **options}
    with rig(lambda _: [http(b"")], **options) as there:
        there.land(*events)
    return there.server.requests


@for_each(
    "options",
    [
        {},
        {"batch_size": 2},
        {"body": "ndjson", "batch_size": 5},
        {"template": {"text": "{body.title}"}},
        {"template": "{body.title} é"},
        {"preset": "splunk_hec"},
    ],
)
def test_the_judge_accepts_each_request(options: dict[str, Any]) -> None:
    """Whatever is in the body."""
    requests = posted(*numbered(3), ODD, **options)
    assert requests
    for request in requests:
        Webhook(FIRST).verify(request.body, request.headers, json_parse=False)
        with pytest.raises(WebhookVerificationError):
            Webhook(FIRST).verify(request.body + b" ", request.headers, json_parse=False)
        with pytest.raises(WebhookVerificationError):
            Webhook(SECOND).verify(request.body, request.headers, json_parse=False)


def test_two_secrets_sign_while_one_is_replaced(tmp_path: Path) -> None:
    """A receiver that knows either accepts; secrets come from files, too."""
    file = tmp_path / "secret"
    file.write_text(f"{SECOND}\n")
    (request,) = posted(ODD, second_signing_secret_file=str(file))

    for secret in (FIRST, SECOND):
        found = Webhook(secret).verify(request.body, request.headers)
        assert found == json.loads(request.body)
    assert request.headers["webhook-signature"].count("v1,") == 2


def test_the_id_is_the_same_for_the_same_events() -> None:
    """Also in another process and at another time; that of one is its key."""
    one, two = numbered(2)
    assert one.key == posted(one)[0].headers["webhook-id"]
    assert one.key == posted(one, batch_size=5)[0].headers["webhook-id"]
    ids = {posted(one, two, batch_size=2)[0].headers["webhook-id"] for _ in range(2)}
    assert len(ids) == 1
    assert ids.isdisjoint({one.key, two.key, webhook_id([two, one])})


def test_a_key_with_other_characters_is_hashed() -> None:
    """A dot would be ambiguous in what is signed, and a header can't have all others."""
    for key in ("a.b", "é", "a b", "a\r\nb", "\ud800", ""):
        event = make_event("course_created", format="caliper", body={"id": key, "type": "Event"})
        found = webhook_id([event])
        assert found.isalnum()
        assert found.isascii()
