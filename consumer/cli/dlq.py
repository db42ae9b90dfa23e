"""`consume dlq`: what is in the dead-letter queue. The ways back are in files of their own."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import click

from consumer.cli.dlq_redrive import redrive_command
from consumer.cli.dlq_replay import replay_command
from consumer.cli.options import Command, help_end, json_option, queue_options
from consumer.cli.output import echo_result, note, report, table, terminal_width
from consumer.cli.peek import body_option, message_page
from consumer.cli.with_queue import age_text, dead_letter_queue, dlq_options, report_not_given_back
from consumer.printable import printable

if TYPE_CHECKING:
    from consumer.clock import SystemClock
    from consumer.operations.decoding import Decoding
    from consumer.operations.dlq.contents import Group
    from consumer.operations.holding import Holder

_CODES: Final = {
    69: "there is no such queue, or no dead-letter queue",
    75: "SQS could not be reached",
    77: "credentials are missing, wrong or lack a permission, which is named",
    78: "the configuration can't be used",
    130: "stopped with Ctrl-C; the messages were given back",
}


def _limit(default: int) -> Callable[[Command], Command]:
    return click.option(
        "--limit", metavar="N", type=click.IntRange(min=1), default=default, show_default=True,
        help="Read at most N messages.",
    )  # fmt: skip


class Opened(NamedTuple):
    """The dead-letter queue, to be read."""

    name: str
    holder: "Holder"
    decoding: "Decoding"
    clock: "SystemClock"


@contextmanager
def _opened(options: Mapping[str, Any]) -> Iterator[Opened]:
    """Connect; in the end all messages are given back."""
    from consumer.clock import SystemClock
    from consumer.operations.decoding import Decoding, unsealing_of
    from consumer.operations.dlq.contents import hold
    from consumer.queues.sqs import connect

    loaded, queue = dead_letter_queue(options)
    clock = SystemClock()
    decoding = Decoding.of(queue, unsealing_of(loaded.settings, clock=clock))
    transport = connect(queue, loaded.settings.aws)
    try:
        with hold(transport, clock) as holder:
            yield Opened(transport.name, holder, decoding, clock)
    finally:
        transport.close()


def _is_incomplete(opened: Opened) -> bool:
    """Report what did not work while reading; returns whether there was anything."""
    from consumer.operations.dlq.contents import HOLD_SECONDS

    holder = opened.holder
    refused = report_not_given_back(holder.not_given_back, HOLD_SECONDS)
    if holder.out_of_time:
        report("reading took too long: there may be more messages", kind="warning")
    return refused or holder.out_of_time


@click.group("dlq", short_help="Look into the dead-letter queue, and bring its messages back.")
def dlq_group() -> None:
    """Look into the dead-letter queue, and bring its messages back.

    It is found in the redrive policy of the queue, or named with --dlq-url or --dlq-name.
    """


@dlq_group.command(
    "list",
    short_help="Count its messages by reason and event.",
    epilog=help_end(
        "consume dlq list --config config.yaml",
        "consume dlq list --config config.yaml --json | jq '.groups[] | [.count, .reason]'",
        codes={0: "done", 1: "some messages were not read, or not given back", **_CODES},
    ),
)
@_limit(10_000)
@dlq_options
@json_option
@queue_options
@click.pass_context
def list_command(context: click.Context, /, *, limit: int, as_json: bool, **options: Any) -> None:
    """Count the messages by reason and event, and give them back.

    Each message is decoded as the daemon would do it now. The queue does not say why a message is
    in it: one that can be decoded was rejected by a handler, or its handlers failed each time; see
    handler_rejected and handler_failed in the log. While this reads, other consumers do not get
    the messages.
    """
    from consumer.operations.dlq.contents import grouped

    with _opened(options) as opened:
        groups = grouped(opened.holder.read(limit), opened.decoding, now=opened.clock.now())
    total = sum(group.count for group in groups)
    incomplete = _is_incomplete(opened)
    if total == limit:
        note(f"{limit} messages were read, and there may be more: see --limit")
    data = {"dead_letter_queue": opened.name, "messages": total, "groups": groups}
    echo_result(data, _group_page(groups), as_json=as_json)
    if not groups:
        note(f"no message of {opened.name} is visible now")
    context.exit(1 if incomplete else 0)


def _group_page(groups: "list[Group]") -> Iterator[str]:
    rows = [("COUNT", "EVENT", "RECEIVED", "AGE", "REASON", "MESSAGES")]
    for group in groups:
        ages = dict.fromkeys((age_text(group.newest_seconds), age_text(group.oldest_seconds)))
        rows.append(
            (
                f"{group.count:,}", group.event_name or "?",
                " to ".join(map(str, group.receive_counts)), " to ".join(ages),
                group.reason, " ".join(group.examples),
            )
        )  # fmt: skip
    if groups:
        yield from table(rows, terminal_width(), indent="")


@dlq_group.command(
    "show",
    short_help="Show one of its messages.",
    epilog=help_end(
        "consume dlq show 7f0c6e7a-4d5e-4c6b-9f55-0f9f3d0f9a10 --config config.yaml --body",
        codes={0: "it was shown", 1: "it was not found, or was not given back", **_CODES},
    ),
)
@click.argument("message_id", metavar="MESSAGE_ID")
@body_option
@_limit(10_000)
@dlq_options
@json_option
@queue_options
@click.pass_context
def show_command(
    context: click.Context, /, message_id: str, *, with_body: bool, limit: int, as_json: bool,
    **options: Any,
) -> None:  # fmt: skip
    """Show the message with this id, and give it back. "consume dlq list" shows ids.

    SQS can't look up a message: up to --limit messages are read until it is found.
    """
    from consumer.operations.dlq.contents import found
    from consumer.operations.facts import facts_of

    with _opened(options) as opened:
        shown = [
            facts_of(m, opened.decoding, now=opened.clock.now(), with_body=with_body)
            for m in found(opened.holder.read(limit), message_id)
        ]
    incomplete = _is_incomplete(opened)
    for facts in shown:
        echo_result(facts.as_data(), message_page((facts,)), as_json=as_json)
    if not shown:
        report(f"no visible message of {opened.name} has the id {printable(message_id)}")
    context.exit(0 if shown and not incomplete else 1)


@dlq_group.command(
    "export",
    short_help="Copy its messages to a file.",
    epilog=help_end(
        "consume dlq export dead-letters.jsonl --config config.yaml",
        "consume decode dead-letters.jsonl",
        codes={
            0: "all were written",
            1: "some messages were not read, or not given back",
            74: "the file can't be written, or there is one; nothing was written",
            **_CODES,
        },
    ),
)
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path))
@_limit(100_000)
@dlq_options
@json_option
@queue_options
@click.pass_context
def export_command(
    context: click.Context, /, file: Path, *, limit: int, as_json: bool, **options: Any
) -> None:
    """Write complete messages to FILE, one JSON object per line. They stay in the queue.

    Bodies are written as they are, with personal data and secrets: only you can read the file.
    "consume decode" and "consume replay" read it.
    """
    from consumer.operations.dlq.contents import export

    with _opened(options) as opened:
        count = export(opened.holder.read(limit), file)
    incomplete = _is_incomplete(opened)
    if count == limit:
        note(f"{limit} messages were read, and there may be more: see --limit")
    data = {"dead_letter_queue": opened.name, "file": str(file), "messages": count}
    line = f"{count:,} messages of {opened.name} were written to {file}"
    echo_result(data, [line], as_json=as_json)
    context.exit(1 if incomplete else 0)


dlq_group.add_command(replay_command)
dlq_group.add_command(redrive_command)
