"""`consume demo`: the real daemon on a queue of its own, and what happened, in plain words."""

from __future__ import annotations

import os
import sys
from collections import Counter
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from consumer.cli.demo_texts import ARCHIVE, INTRODUCTION, KEEP, REPORT
from consumer.cli.errors import told_plainly
from consumer.cli.output import echo

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import AbstractContextManager

    from consumer.config import Settings
    from consumer.engine.status import Status
    from consumer.handlers.registering.registry import Registry
    from consumer.messages import Event, Format
    from consumer.queues.sqs.embedded import EmbeddedQueue

QUEUE_NAME = "canvas-live-events-demo"
EVENTS = 200
UNDECODABLE = "This is not an event."
MAX_RECEIVE_COUNT = 3


@dataclass(slots=True)
class Seen:
    """What the demo's own handler noticed. Worker threads write, one at a time."""

    keys: Counter[str] = field(default_factory=Counter)
    failed_once: bool = False


@click.command("demo")
@click.option("--keep", is_flag=True, help="Leave the queue running afterwards, until Ctrl-C.")
def demo_command(*, keep: bool) -> None:
    """Run the daemon on sample events, on this machine, and tell what happened.

    Starts an SQS server (moto) on a free port of this machine, sends some hundred sample events of
    both formats, runs the real daemon until the queue is empty, and reports. Takes about 20
    seconds and leaves nothing running, and no files but the archive.
    """
    with told_plainly():
        _demonstrate(keep=keep)


def _demonstrate(*, keep: bool) -> None:
    from tempfile import mkdtemp

    from consumer.clock import SystemClock
    from consumer.queues.sqs.embedded import EmbeddedQueue
    from consumer.service.logs import configure_logging
    from consumer.service.run import run

    os.environ["no_proxy"] = "127.0.0.1"  # nobody else is talked to
    folder = Path(mkdtemp(prefix="consume-demo-"))
    seen = Seen()
    clock = SystemClock()
    with EmbeddedQueue(QUEUE_NAME, max_receive_count=MAX_RECEIVE_COUNT) as queue:
        settings = _settings(queue, folder)
        configure_logging(settings.logging, sys.stderr, environ={}, clock=clock)
        sent = queue.send(_messages(seed=1, duplicate=True, undecodable=True))
        echo(
            INTRODUCTION.format(
                queue=QUEUE_NAME, sent=sent, events=EVENTS, wait=settings.queue.wait_time_seconds
            )
        )
        status: Status | None = None
        with _progress(sent - 1) as bar:  # the undecodable one is never handled
            done = 0

            def on_tick(latest: Status) -> None:
                nonlocal done, status
                status = latest
                now = latest.counts.get("handled", 0)
                if bar is not None and now > done:
                    bar.update(now - done)
                done = now

            code = run(
                settings,
                clock=clock,
                environ={},
                drain_when_empty=True,
                registry=_registry(folder, seen),
                on_tick=on_tick,
            )
        if code or status is None:  # a failure, or stopped before it began
            click.get_current_context().exit(code)
        _report(status, queue, seen, folder)
        if keep:
            _keep(queue)


def _messages(
    *, seed: int, duplicate: bool = False, undecodable: bool = False, count: int = EVENTS
) -> list[tuple[str, Mapping[str, str]]]:
    from consumer.events.samples import realistic_messages

    formats: tuple[Format, ...] = ("canvas", "caliper")
    samples = realistic_messages(count, formats, seed=seed, start=datetime.now(UTC))
    messages: list[tuple[str, Mapping[str, str]]] = [(s.body, s.attributes) for s in samples]
    if duplicate:
        messages.insert(len(messages) // 2, messages[0])
    if undecodable:
        messages.insert(len(messages) // 3, (UNDECODABLE, {}))
    return messages


def _settings(queue: EmbeddedQueue, folder: Path) -> Settings:
    from consumer.config import load
    from consumer.queues.sqs.embedded import ACCESS_KEY_ID, REGION, SECRET_ACCESS_KEY

    # As a configuration file would say it; short delays, so that the demo is over soon.
    environ = {
        "CONSUMER_QUEUE__URL": queue.url,
        "CONSUMER_QUEUE__WAIT_TIME_SECONDS": "3",
        "CONSUMER_AWS__REGION": REGION,
        "CONSUMER_AWS__ACCESS_KEY_ID": ACCESS_KEY_ID,
        "CONSUMER_AWS__SECRET_ACCESS_KEY": SECRET_ACCESS_KEY,
        # moto may give one message to two receives that come at the same moment.
        "CONSUMER_ENGINE__MAX_POLLERS": "1",
        "CONSUMER_ENGINE__RETRY_BASE_SECONDS": "1",
        "CONSUMER_ENGINE__RETRY_MAX_SECONDS": "1",
        "CONSUMER_LOGGING__LEVEL": "error",
        "CONSUMER_STATE_DIRECTORY": str(folder),
    }
    return load(None, environ=environ, overrides={}).settings


def _registry(folder: Path, seen: Seen) -> Registry:
    from consumer.handlers.loading.loader import build_registry

    registry = build_registry((), state_directory=folder)  # without handlers: the archive

    def gradebook(event: Event) -> None:
        if event.name.startswith("submission_") and not seen.failed_once:
            seen.failed_once = True
            message = "the gradebook is locked"
            raise RuntimeError(message)

    def count(event: Event) -> None:
        seen.keys[event.key] += 1

    registry.add(gradebook, ["submission_*", "grade_change"], name="gradebook", concurrency=1)
    registry.add(count, ["*"], name="count", concurrency=1)
    return registry


def _progress(length: int) -> AbstractContextManager[Any]:
    """A progress bar on a terminal, nothing otherwise."""
    if sys.stdout is None or not sys.stdout.isatty():
        return nullcontext()
    bar: AbstractContextManager[Any] = click.progressbar(
        length=length, label="handled", show_pos=True
    )
    return bar


def _report(status: Status, queue: EmbeddedQueue, seen: Seen, folder: Path) -> None:
    left, dead = queue.left()
    counts = Counter(status.counts)
    echo(
        REPORT.format(
            received=counts["received"],
            receives=counts["receives"],
            redelivered=counts["redelivered"],
            handled=counts["handled"],
            failed=counts["failed"],
            rejected=counts["rejected"],
            deleted=counts["deleted"],
            duplicates=sum(times > 1 for times in seen.keys.values()),
            dead=dead,
            left=left,
        )
    )
    for name, times in status.events.items():
        echo(f"  {name:32s}{times:5d}")
    files = sorted((folder / "archive").rglob("*.jsonl"))
    first = files[0] if files else folder
    echo(ARCHIVE.format(archive=folder / "archive", first=first, consume=_consume()))


def _consume() -> str:
    """How to call this program again: as it was called, for it need not be on the PATH."""
    from shutil import which

    called = Path(sys.argv[0])
    if called.name != "consume":
        return f"{sys.executable} -m consumer"
    return "consume" if which("consume") == str(called) else str(called)


def _keep(queue: EmbeddedQueue) -> None:
    from consumer.queues.sqs.embedded import ACCESS_KEY_ID, SECRET_ACCESS_KEY
    from consumer.service.signals import StopSignals

    again = queue.send(_messages(seed=2, count=50))
    told = KEEP.format(
        key=ACCESS_KEY_ID, secret=SECRET_ACCESS_KEY, consume=_consume(), url=queue.url, again=again
    )
    signals = StopSignals()
    with signals.installed():
        echo(told)
        while not signals.count:
            signals.wait(60)
    echo("\nThe queue is gone.")
