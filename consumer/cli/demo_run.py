"""Runs the real daemon on a queue on this machine, and explains what happened."""

import io
import json
import os
import sys
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from shutil import which
from tempfile import mkdtemp

import click

from consumer.cli.output import echo
from consumer.clock import Clock, SystemClock
from consumer.config import Settings, load
from consumer.engine.status import Status
from consumer.events.samples import SampleMessage, realistic_messages
from consumer.handlers.loading.loader import build_registry
from consumer.handlers.registering.registry import Registry
from consumer.messages import Event
from consumer.queues.sqs import embedded
from consumer.queues.sqs.embedded import EmbeddedQueue
from consumer.service.logs.setup import configure_logging
from consumer.service.run import Run
from consumer.service.signals import StopSignals
from consumer.webhook import check_installed

_QUEUE_NAME = "canvas-live-events-demo"
_EVENTS = 200

# No line is longer than 80 characters, except those with long paths.
_INTRODUCTION = """\
Canvas Live Events consumer: a demonstration on this machine, without AWS.

An SQS server now runs in this process, with the queue {queue}
and its dead-letter queue. {sent} messages were sent to it, {how}:
{events} events in both formats, one of them twice (a duplicate delivery), and one
message that is not an event. One of the handlers will fail on the first event
that it gets.

The daemon starts. It stops when the queue stays empty for a long poll of {wait} s."""
_PLAIN = "as Canvas would do"
_SIGNED = """by
"consume webhook", to which they were posted, signed, as Canvas would do"""
_REPORT = """
What happened
  received            {received:5d}  messages in {receives} calls; {redelivered} came again
  handled             {handled:5d}  messages: all of their handlers succeeded
  tried again         {failed:5d}  after a handler failed
  dead-letter queue   {dead:5d}  can't be decoded: moved there after {rejected} attempts
  deleted             {deleted:5d}  messages, each only after it was handled
  duplicates          {duplicates:5d}  received as two messages with the same event key
  left in the queue   {left:5d}

Handled, by event"""
_ARCHIVE = """
The archive has every handled event, one JSON object per line
  {archive}
Look at it
  {consume} decode \\
    {first}"""
_KEEP = f"""
The queue stays until you press Ctrl-C here. From a second terminal:
  AWS_ACCESS_KEY_ID={embedded.ACCESS_KEY_ID} AWS_SECRET_ACCESS_KEY={embedded.SECRET_ACCESS_KEY} \\
    {{consume}} --handler log --queue-url \\
    {{url}}
{{again}} more sample messages were sent for it."""


def run_demo(*, keep: bool, https: bool) -> None:
    """Run the daemon, and print a report; then keep the queue until Ctrl-C if that is wanted."""
    if https:
        check_installed()
    os.environ["no_proxy"] = "127.0.0.1"  # the only address that is called
    folder = Path(mkdtemp(prefix="consume-demo-"))
    with embedded.embedded_queue(_QUEUE_NAME, max_receive_count=3) as queue:
        settings, clock = _settings(queue, folder), SystemClock()
        configure_logging(settings.logging, sys.stderr, environ={}, clock=clock)
        sent = _send(queue, settings, https=https)
        status = _consume_all(settings, _registry(folder), sent=sent, clock=clock)
        _report(status, queue, folder)
        if keep:
            _keep(queue)


def _send(queue: EmbeddedQueue, settings: Settings, *, https: bool) -> int:
    """Send the messages, and explain what comes; returns how many they are."""
    messages = _messages(_EVENTS, seed=1)
    messages.insert(len(messages) // 2, messages[0])
    messages.insert(len(messages) // 3, ("This is not an event.", {}))
    if https:
        from consumer.cli.demo_https import post_signed

        post_signed((SampleMessage(body) for body, _ in messages), settings)
    else:
        queue.send(messages)
    sent, how, wait = len(messages), _SIGNED if https else _PLAIN, settings.queue.wait_time_seconds
    echo(_INTRODUCTION.format(queue=_QUEUE_NAME, sent=sent, how=how, events=_EVENTS, wait=wait))
    return sent


def _consume_all(settings: Settings, registry: Registry, *, sent: int, clock: Clock) -> Status:
    """Run the daemon with a progress bar; returns its last status."""
    statuses: list[Status] = []
    with click.progressbar(
        length=sent - 1,  # the message that can't be decoded is never handled
        label="handled",
        show_pos=True,
        file=None if sys.stdout.isatty() else io.StringIO(),
    ) as bar:

        def on_tick(status: Status) -> None:
            statuses.append(status)
            bar.update(status.counts.get("handled", 0) - bar.pos)

        code = Run(
            settings, clock=clock, environ={}, drain_when_empty=True,
            registry=registry, on_tick=on_tick,
        ).run()  # fmt: skip
    if code or not statuses:  # a failure, or stopped before it began
        click.get_current_context().exit(code)
    return statuses[-1]


def _messages(count: int, *, seed: int) -> list[tuple[str, Mapping[str, str]]]:
    now = datetime.now(UTC)
    samples = realistic_messages(count, ("canvas", "caliper"), seed=seed, start=now)
    return [(sample.body, sample.attributes) for sample in samples]


def _settings(queue: EmbeddedQueue, folder: Path) -> Settings:
    # Short delays, so that the demo ends soon.
    environ = {
        "CONSUMER_QUEUE__URL": queue.url,
        # Longer than a message that always fails needs to go to the dead-letter queue.
        "CONSUMER_QUEUE__WAIT_TIME_SECONDS": "6",
        "CONSUMER_AWS__REGION": embedded.REGION,
        "CONSUMER_AWS__ACCESS_KEY_ID": embedded.ACCESS_KEY_ID,
        "CONSUMER_AWS__SECRET_ACCESS_KEY": embedded.SECRET_ACCESS_KEY,
        # moto can return a message to two receives at the same time.
        "CONSUMER_ENGINE__MAX_POLLERS": "1",
        "CONSUMER_ENGINE__RETRY_BASE_SECONDS": "1",
        "CONSUMER_ENGINE__RETRY_MAX_SECONDS": "1",
        "CONSUMER_LOGGING__LEVEL": "error",
        "CONSUMER_STATE_DIRECTORY": str(folder),
    }
    return load(None, environ=environ, overrides={}).settings


def _registry(folder: Path) -> Registry:
    """The archive, and a handler that fails once."""
    registry = build_registry((), state_directory=folder)
    failures = [RuntimeError("the gradebook is locked")]

    def gradebook(_event: Event) -> None:
        if failures:
            raise failures.pop()

    registry.add(gradebook, "submission_*", name="gradebook", concurrency=1)
    return registry


def _report(status: Status, queue: EmbeddedQueue, folder: Path) -> None:
    archive = folder / "archive"
    files = sorted(archive.rglob("*.jsonl"))
    lines = b"".join(file.read_bytes() for file in files).splitlines()
    keys = Counter(json.loads(line)["event_key"] for line in lines)
    duplicates = sum(times > 1 for times in keys.values())
    left, dead = queue.left()
    counts = {**status.counts, "duplicates": duplicates, "dead": dead, "left": left}
    echo(_REPORT.format_map(Counter(counts)))  # a count that is missing is 0
    for name, times in status.events.items():
        echo(f"  {name:32s}{times:5d}")
    echo(_ARCHIVE.format(archive=archive, first=files[0], consume=_consume()))


def _consume() -> str:
    """The command to run this program again, which may not be on the PATH."""
    return "consume" if which("consume") == sys.argv[0] else f"{sys.executable} -m consumer"


def _keep(queue: EmbeddedQueue) -> None:
    again = queue.send(_messages(50, seed=2))
    signals = StopSignals()
    with signals.installed():
        echo(_KEEP.format(consume=_consume(), url=queue.url, again=again))
        while not signals.count:
            signals.wait(60)
    echo("\nThe queue is gone.")
