"""The metrics: that they are true, well named and bounded, and that their README lists them."""

from __future__ import annotations

import shutil
import subprocess
import threading
from typing import TYPE_CHECKING, Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from consumer.errors import BatchFailure, Reject, Retry
from consumer.handlers.registering.registry import Registry
from consumer.queues.requests import RequestCounts
from consumer.service.monitoring.exposition import Family
from consumer.service.monitoring.metric_families import MOST_UNKNOWN_NAMES, bounded
from consumer.service.monitoring.metrics import FAMILIES, Metrics
from consumer.testing import canvas_body
from consumer.webhook.metrics import FAMILIES as WEBHOOKS
from tests.engine.conftest import Rig
from tests.service.monitored import monitor_of
from tests.test_readme_tables import table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from consumer.engine.stats import Kind
    from consumer.messages import Event
    from consumer.service.monitoring.monitor import Monitor

PREFIX = "canvas_live_events_"
Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def parsed(text: bytes) -> Samples:
    """The samples, by name without the prefix, and labels in alphabetical order."""
    return {
        (sample.name.removeprefix(PREFIX), tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text.decode())
        for sample in family.samples
    }


class Scraped:
    """An engine stepped by hand, and its metrics."""

    def __init__(self, registry: Registry) -> None:
        self.rig = Rig(registry)
        self.requests = RequestCounts()
        self.monitor: Monitor = monitor_of(self.rig.worker, self.rig.clock, requests=self.requests)
        self.metrics = Metrics(self.monitor.facts)

    def look(self) -> None:
        """What the main thread does."""
        self.monitor.look(self.rig.status)

    def now(self) -> Samples:
        """What a scrape gives."""
        return parsed(self.metrics.text())

    def value(self, name: str, **labels: str) -> float:
        """One sample."""
        return self.now()[name, tuple(sorted(labels.items()))]


def mixed() -> Registry:
    """Handlers that succeed, fail, ask for a retry, reject, and fail for a part of a batch."""
    registry = Registry()
    registry.add(lambda _event: None, "grade_change", name="good")

    @registry.on("course_created", name="broken")
    def broken(_event: Event) -> None:
        raise KeyError("secret")

    @registry.on("course_updated", name="later")
    def later(_event: Event) -> None:
        raise Retry("secret")

    @registry.on("user_created", name="never")
    def never(_event: Event) -> None:
        raise Reject("secret")

    @registry.on("quiz_submitted", batch=4, name="some")
    def some(events: Sequence[Event]) -> None:
        raise BatchFailure({events[0]: ValueError("secret")})

    return registry


def test_the_numbers_are_those_of_the_run() -> None:
    """Every message that went through the engine is counted once, where it belongs."""
    scraped = Scraped(mixed())
    rig = scraped.rig
    for name in ("grade_change", "grade_change", "course_created", "course_updated"):
        rig.send(name)
    rig.send("user_created")
    rig.send("quiz_submitted", count=4)
    rig.send("course_progress")  # for no handler: it is deleted
    rig.queue.send("not JSON")
    rig.clock.advance(7)
    for _ in range(2):
        rig.cycle()
    scraped.look()

    now = scraped.now()
    expected: dict[tuple[str, str], float] = {
        ("messages_received_total", ""): 11,
        ("messages_total", "outcome=handled"): 5,  # two, and three of the batch
        ("messages_total", "outcome=failed"): 3,
        ("messages_total", "outcome=rejected"): 2,
        ("messages_undecodable_total", ""): 1,
        ("messages_deleted_total", ""): 6,
        ("receives_total", "result=messages"): 2,
        ("events_total", "event=grade_change,format=canvas"): 2,
        ("events_total", "event=quiz_submitted,format=canvas"): 3,
        ("unmatched_events_total", "event=course_progress,format=canvas"): 1,
        ("handler_events_total", "handler=good,outcome=handled"): 2,
        ("handler_events_total", "handler=good,outcome=failed"): 0,
        ("handler_events_total", "handler=some,outcome=handled"): 3,
        ("handler_events_total", "handler=some,outcome=failed"): 1,
        ("handler_failures_total", "handler=broken,reason=KeyError"): 1,
        ("handler_failures_total", "handler=later,reason=Retry"): 1,
        ("handler_failures_total", "handler=never,reason=Reject"): 1,
        ("handler_failures_total", "handler=some,reason=ValueError"): 1,
        ("handler_seconds_count", "handler=good"): 2,
        ("handler_seconds_count", "handler=some"): 1,
        ("receive_lag_seconds_count", ""): 11,
        ("receive_lag_seconds_sum", ""): 77,
        ("in_flight_messages", ""): 0,
        ("ready", ""): 1,
        ("healthy", ""): 1,
        ("state", "state=receiving"): 1,
    }
    for (name, text), value in expected.items():
        labels = tuple(tuple(pair.split("=")) for pair in text.split(",") if pair)
        assert now[name, labels] == value, (name, text)  # type: ignore[index]


def test_texts_of_exceptions_are_not_in_the_metrics() -> None:
    """Only their types: the reasons of `Retry` and `Reject`, too, are free text."""
    scraped = Scraped(mixed())
    for name in ("course_created", "course_updated", "user_created"):
        scraped.rig.send(name)
    scraped.rig.cycle()

    assert b"secret" not in scraped.metrics.text()


def test_promtool_finds_no_fault() -> None:
    """Names, types, units and help are as Prometheus wants them."""
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool (of Prometheus) is not installed")
    scraped = Scraped(mixed())
    scraped.requests.add("ReceiveMessage", "ok")
    for name in ("grade_change", "course_created", "course_progress"):
        scraped.rig.send(name)
    scraped.rig.cycle()
    scraped.look()

    command = [promtool, "check", "metrics"]
    checked = subprocess.run(
        command, input=scraped.metrics.text(), capture_output=True, check=False
    )

    assert (0, b"", b"") == (checked.returncode, checked.stdout, checked.stderr)


def test_unknown_names_do_not_make_ever_more_series() -> None:
    """Beyond so many names, or with a long one, an event counts as "other"; none is lost."""
    registry = Registry()
    registry.add(lambda _event: None, "*", name="all")
    scraped = Scraped(registry)
    names = [f"made_up_{number}" for number in range(MOST_UNKNOWN_NAMES + 50)] + ["x" * 101]
    for name in names:
        scraped.rig.send(name)
    scraped.rig.send("grade_change")
    while scraped.rig.cycle().messages:
        pass

    events = {key: value for key, value in scraped.now().items() if key[0] == "events_total"}
    assert len(events) == MOST_UNKNOWN_NAMES + 2
    assert sum(events.values()) == len(names) + 1
    assert scraped.value("events_total", event="other", format="canvas") == 51
    assert scraped.value("events_total", event="grade_change", format="canvas") == 1


def test_no_name_from_outside_breaks_the_metrics() -> None:
    """Half a surrogate pair is no UTF-8; names that are shown alike are one series."""
    registry = Registry()
    registry.add(lambda _event: None, "*", name="all")
    scraped = Scraped(registry)
    for name in ("\ud800\x1b", r"\ud800\u001b", "\ud800\x1b", 'quote"\n'):
        scraped.rig.send(name)
    scraped.rig.cycle()
    scraped.requests.add("ReceiveMessage", "\udfff")

    assert scraped.value("events_total", event=r"\ud800\u001b", format="canvas") == 3
    assert scraped.value("events_total", event='quote"\\n', format="canvas") == 1
    assert scraped.value("api_requests_total", action="ReceiveMessage", result=r"\udfff") == 1


def test_exceptions_of_ever_new_types_do_not_make_ever_more_series() -> None:
    """Users' code may make classes at run time."""
    registry = Registry()

    @registry.on("*", name="inventive")
    def inventive(event: Event) -> None:
        raise type(f"Made{event.body['number']}", (Exception,), {})

    scraped = Scraped(registry)
    for number in range(60):
        scraped.rig.queue.send(canvas_body("grade_change", body={"number": number}))
    while scraped.rig.cycle().messages:
        pass

    reasons = {k: v for k, v in scraped.now().items() if k[0] == "handler_failures_total"}
    assert len(reasons) == 51
    assert sum(reasons.values()) == 60


def test_a_scrape_while_draining() -> None:
    """It says so, is not ready, and shows what is given back."""
    registry = Registry()
    registry.add(lambda _event: None, "*", name="all")
    scraped = Scraped(registry)
    scraped.rig.send(count=3)
    scraped.rig.receive()
    scraped.look()
    assert scraped.value("in_flight_messages") == 3

    scraped.rig.drain()

    assert scraped.value("state", state="draining") == 1
    assert scraped.value("ready") == 0
    assert scraped.value("healthy") == 1
    assert scraped.value("messages_total", outcome="released") == 3


def test_what_runs_is_shown_while_it_runs() -> None:
    """The handler that is called, its thread's role, and what is in flight."""
    registry = Registry()
    seen: list[Samples] = []

    @registry.on("*", name="watched")
    def watched(_event: Event) -> None:
        seen.append(scraped.now())

    scraped = Scraped(registry)
    scraped.rig.send()
    scraped.rig.receive()
    scraped.rig.run_threads()

    assert seen[0]["handler_calls_running", (("handler", "watched"),)] == 1
    assert seen[0]["threads_busy", (("role", "work"),)] == 1
    assert scraped.value("handler_calls_running", handler="watched") == 0


def test_scrapes_of_several_threads_do_not_disturb_the_engine() -> None:
    """Prometheus may scrape from two places, while messages are handled."""
    registry = Registry()
    registry.add(lambda _event: None, "*", name="all")
    scraped = Scraped(registry)
    failures: list[BaseException] = []
    stop = threading.Event()

    def scrape() -> None:
        try:
            while not stop.is_set():
                scraped.metrics.text()
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=scrape) for _ in range(2)]
    for thread in threads:
        thread.start()
    for number in range(200):
        scraped.rig.send(f"made_up_{number}")
        scraped.rig.cycle()
    stop.set()
    for thread in threads:
        thread.join(30)

    assert failures == []
    assert scraped.value("messages_total", outcome="handled") == 200


def test_readme_lists_every_metric() -> None:
    """Its name, type, labels and meaning are those of the code."""
    families: list[Family[Any]] = [*FAMILIES, *WEBHOOKS]
    expected = [
        [f"`{family.full_name}`", family.kind, ", ".join(family.labels), family.help]
        for family in families
    ]

    assert table("metric", "systemd/monitoring/README.md") == expected


def test_names_of_events_have_the_same_bound_for_both_formats() -> None:
    """A name counts once."""
    events: dict[Kind, int] = {("made_up", "canvas"): 1, ("made_up", "caliper"): 2}
    assert bounded(events) == [(("made_up", "canvas"), 1), (("made_up", "caliper"), 2)]
