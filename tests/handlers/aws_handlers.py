"""The handlers that call AWS, with a server that answers as a test says."""

from __future__ import annotations

import json
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from consumer.config import AwsSettings, HandlerSettings, QueueSettings
from consumer.handlers.loading.loader import build_registry
from consumer.queues.sqs import AwsClients
from consumer.testing import make_event, run_batch
from tests.queues.servers import CLOSE, KEYS, http, serving

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from consumer.handlers.registering.registry import Registry
    from consumer.messages import Event
    from tests.queues.servers import Request, Server

#: What AWS writes beside a code: never to be shown.
SECRET = "hunter2 of arn:aws:iam::123456789012:user/somebody"
SOURCE = QueueSettings(url="https://sqs.us-east-1.amazonaws.com/123456789012/canvas-live-events")
REQUIRED = {
    "s3": {"bucket": "lake"},
    "sqs": {"queue_url": "https://sqs.us-east-1.amazonaws.com/123456789012/courses"},
    "eventbridge": {},
}
CLIENTS = AwsClients(SOURCE, AwsSettings.model_validate({**KEYS, "region": "us-east-1"}))


def made(
    kind: str,
    url: str | None = None,
    *,
    queue: QueueSettings = SOURCE,
    batch_size: int | None = 100,
    **options: Any,
) -> Registry:
    """The handler of that type, which calls the server at a URL."""
    more = {"endpoint_url": url} if url else {}
    entry = HandlerSettings(
        name="h", type=kind, batch_size=batch_size, options={**REQUIRED[kind], **more, **options}
    )
    return build_registry(
        [entry], state_directory=Path("state"), aws_client=CLIENTS.client, queue=queue
    )


def events(count: int) -> list[Event]:
    """Different events, always the same."""
    return [make_event("grade_change", body={"grade": str(number)}) for number in range(count)]


def land(registry: Registry, batch: Sequence[Event]) -> list[tuple[str, str]]:
    """Call the handler, and close it; the verdict and the reason of each event."""
    try:
        return [(ran.verdict, ran.reason) for ran in run_batch(registry, batch)]
    finally:
        close(registry)


def close(registry: Registry) -> None:
    """Close its connections; it can be called again."""
    (handler,) = registry.handlers
    assert handler.close
    handler.close()


def error(code: str, status: int = 400, **headers: str) -> bytes:
    """An error in JSON, as SQS and EventBridge write it."""
    return http({"__type": code, "message": SECRET}, status, **headers)


def xml_error(code: str, status: int = 400) -> bytes:
    """An error of S3."""
    text = f"<Error><Code>{code}</Code><Message>{SECRET}</Message></Error>"
    return http(text.encode(), status, Content_Type="application/xml")


@contextmanager
def answering(*answers: object) -> Iterator[tuple[Server, str]]:
    """A server with a list of answers, over all connections; and its URL.

    An answer may be a function of the request's arguments.
    """
    left = list(answers)

    def answer(request: Request) -> Iterator[object]:
        found = left.pop(0)
        if found is not CLOSE and callable(found):
            found = found(json.loads(request.body))
        yield found

    with serving(answer) as server:
        yield server, f"http://127.0.0.1:{server.port}"
