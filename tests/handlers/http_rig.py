"""The http handler before a scripted server, and what becomes of events there."""

from __future__ import annotations

import json
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from consumer.handlers.http import factory
from consumer.handlers.loading.factories import HandlerEnvironment
from consumer.testing import ManualClock, make_event, run_batch
from tests.queues.servers import Server, serving

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from consumer.clock import Clock
    from consumer.handlers.registering.registry import Handler, Registry
    from consumer.messages import Event
    from consumer.testing import Ran
    from tests.queues.servers import Request

SECRET_PATH = "/services/T0/B0/s3cret"


def made(
    options: dict[str, Any], *, clock: Clock | None = None, batch_size: int | None = None
) -> Registry:
    """What the factory makes of these options."""
    environment = HandlerEnvironment(
        Path("nowhere"), clock=clock or ManualClock(), batch_size=batch_size, warn=warned.append
    )
    return factory("chat", options, environment)


#: Warnings of all tests.
warned: list[str] = []


class Rig:
    """A server, and a handler that posts to it."""

    def __init__(self, server: Server, registry: Registry) -> None:
        self.server = server
        self.registry = registry

    @property
    def handler(self) -> Handler:
        (handler,) = self.registry.handlers
        return handler

    @property
    def bodies(self) -> list[bytes]:
        """What was posted."""
        return [request.body for request in self.server.requests]

    def land(self, *events: Event) -> list[Ran]:
        """Hand events to the handler, and return the result for each."""
        return run_batch(self.registry, events)

    def reasons(self, *events: Event) -> list[str]:
        """Of each event the verdict and the reason, after "127.0.0.1:PORT"."""
        here = f"127.0.0.1:{self.server.port}"
        found = [f"{ran.verdict} {ran.reason}".strip() for ran in self.land(*events)]
        return [text.replace(here, "HOST") for text in found]


@contextmanager
def rig(
    answer: Callable[[Request], Iterable[Any]],
    *,
    tls: ssl.SSLContext | None = None,
    clock: Clock | None = None,
    batch_size: int | None = None,
    path: str = SECRET_PATH,
    **options: Any,
) -> Iterator[Rig]:
    """A handler before a server that answers so; its URL is a secret if `url_file` is true."""
    with serving(answer, tls=tls) as server, tempfile.TemporaryDirectory() as folder:
        url = f"{'https' if tls else 'http'}://127.0.0.1:{server.port}{path}"
        if options.pop("url_file", False):
            (Path(folder) / "url").write_text(url)
            options["url_file"] = str(Path(folder) / "url")
        else:
            options["url"] = url
        found = Rig(server, made(options, clock=clock, batch_size=batch_size))
        try:
            yield found
        finally:
            close = found.handler.close
            assert close is not None
            close()
            close()


def numbered(count: int) -> Sequence[Event]:
    """Events that differ."""
    return [make_event(body={"number": n}, message_id=f"m-{n}") for n in range(count)]


def objects(body: bytes) -> list[Any]:
    """The objects in a body, as Splunk reads them: one after the other."""
    text, decoder, found = body.decode(), json.JSONDecoder(), []
    while text := text.lstrip():
        value, end = decoder.raw_decode(text)
        found.append(value)
        text = text[end:]
    return found
