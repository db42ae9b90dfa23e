"""A receiver that refuses events, behind the whole engine: a wrong template rejects none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from consumer.testing import canvas_body
from tests.cases import for_each
from tests.engine.conftest import Rig
from tests.handlers.http_rig import rig
from tests.queues.servers import Request, http

if TYPE_CHECKING:
    from collections.abc import Iterator

ENGINE = {"breaker_failures": 5, "settle_linger_seconds": 0}


def live(engine: Rig, seconds: int) -> None:
    """Run the engine for a while; no time passes outside."""
    for _ in range(seconds):
        while engine.may_receive() and engine.receive().messages:
            engine.work()
        engine.beat(1)
        engine.work()
        engine.settle()


@for_each("batch_size", [None, 5])
def test_a_receiver_that_refuses_everything_rejects_nothing(batch_size: int | None) -> None:
    """The handler is paused; when the template is right, all events land."""
    wrong = [True]

    def answer(_: Request) -> Iterator[Any]:
        yield http(b"", 400 if wrong[0] else 200)

    with rig(answer, has_taken=False, batch_size=batch_size) as there:
        engine = Rig(there.registry, engine=ENGINE)
        engine.send(count=30)
        live(engine, 300)
        assert engine.parts.admission.failing() == ["chat"]
        wrong[0] = False
        live(engine, 60)

        assert (engine.stats["rejected"], engine.stats["handled"]) == (0, 30)
        assert engine.parts.admission.failing() == []
        engine.drain()


@for_each("batch_size", [None, 5])
def test_the_first_event_alone_is_refused(batch_size: int | None) -> None:
    """The next one is tried; then the first one is rejected."""

    def answer(request: Request) -> Iterator[Any]:
        yield http(b"", 400 if b"bad" in request.body else 200)

    with rig(answer, has_taken=False, batch_size=batch_size) as there:
        engine = Rig(there.registry, engine=ENGINE)
        engine.queue.send(canvas_body("grade_change", title="bad"))
        live(engine, 5)
        assert engine.stats["rejected"] == 0
        engine.send(count=3)
        live(engine, 60)

        assert engine.stats["handled"] == 3
        assert engine.stats["rejected"] >= 1
        assert engine.parts.admission.failing() == []
        engine.drain()
