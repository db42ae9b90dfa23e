"""`consume sample`: makes events as Canvas sends them, and writes them or sends them to a queue."""

import sys
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

import click

from consumer.cli.events import event_fault
from consumer.cli.options import Number, format_option, help_end, queue_options
from consumer.cli.output import note, writing
from consumer.cli.with_queue import load_quietly

if TYPE_CHECKING:
    from consumer.events.samples import SampleMessage

#: Options that are used only with a queue.
_OF_QUEUE: Final = ("rate", "aws__region", "aws__endpoint_url", "aws__profile", "config_file")
_HELP_END: Final = help_end(
    "consume sample submission_created",
    "consume sample submission_created grade_change --count 10 --format caliper",
    "consume sample --mix realistic --count 1000 --seed 7 > events.jsonl",
    "consume sample quiz_submitted | consume decode -",
    "consume sample --mix realistic --count 5000 --duplicates 0.01 --shuffle --malformed 0.001 \\",
    "  --rate 50/s --queue-name canvas-live-events-test",
    codes={
        0: "all were written or sent",
        2: "wrong options, or a name that is not in the catalog",
        69: "",
        75: "SQS could not be reached, or refused a message, four times",
        77: "credentials are missing, wrong or not allowed to send",
        78: "the configuration can't be used, or Canvas could not deliver to a queue of that name",
        130: "stopped with Ctrl-C; the number of messages sent is reported",
    },
)


def _rate(context: click.Context, parameter: click.Parameter, value: str | None) -> float | None:
    """Messages a second, above 0: "50/s" or "50"."""
    if value is None:
        return None
    try:
        rate = float(value.removesuffix("/s"))
    except ValueError:
        rate = 0.0
    if not 0 < rate < float("inf"):
        raise click.BadParameter(f"{value!r} is not a rate such as 50/s", context, parameter)
    return rate


@click.command(
    "sample", short_help="Make sample events, or send them to a queue.", epilog=_HELP_END
)
@click.argument("names", metavar="[NAME]...", nargs=-1)
@format_option
@click.option(
    "--count", metavar="N", type=click.IntRange(min=0),
    help="Number of messages; the names take turns. Default: one of each name, or 100 of a mix.",
)  # fmt: skip
@click.option(
    "--seed", metavar="S", type=click.IntRange(min=0), default=0, show_default=True,
    help="The same seed and options give the same bytes; another seed gives another university.",
)  # fmt: skip
@click.option("--array", is_flag=True, help="Write one JSON array instead of JSON lines.")
@click.option(
    "--mix", type=click.Choice(["realistic"]),
    help="Instead of names: the events of a university's day, mostly asset_accessed. An action can "
    "cause several events, and an import or a copy of a course causes many.",
)  # fmt: skip
@click.option(
    "--asset-share", metavar="FRACTION", type=Number(0, 1),
    help="Share of asset_accessed in the mix. Default: 0.55.",
)  # fmt: skip
@click.option(
    "--duplicates", metavar="FRACTION", type=Number(0, 1, max_open=True), default=0.0,
    help="Share of messages that are copies of an earlier one.",
)  # fmt: skip
@click.option("--shuffle", is_flag=True, help="Change the order, within about 1,000 messages.")
@click.option(
    "--malformed", metavar="FRACTION", type=Number(0, 1), default=0.0,
    help="Share of messages that can't be decoded: cut off, not JSON, no metadata, wrong types.",
)  # fmt: skip
@click.option("--rate", metavar="N/s", callback=_rate, help="Send at most N messages a second.")
@queue_options
@click.pass_context
def sample_command(context: click.Context, /, names: tuple[str, ...], **options: Any) -> None:
    """Make events with the given NAMEs as Canvas sends them, and write one JSON object per line.

    "consume events" lists all names. People, courses and texts are invented and consistent: each
    seed is one university.

    With --queue-url or --queue-name, the messages are sent to that queue, with the message
    attributes that Canvas sets. The name of the queue must begin with canvas-live-events, unless
    queue.allow_any_queue_name is set (CONSUMER_QUEUE__ALLOW_ANY_QUEUE_NAME=true).
    """
    # An empty text, such as a variable that is not set, is a wrong queue and not "no queue".
    to_queue = options["queue__url"] is not None or options["queue__name"] is not None
    _check_options(context, to_queue=to_queue)
    for name in names:
        if fault := event_fault(name, options["event_format"]):
            raise click.UsageError(fault)
    messages = _messages(names, options)
    if to_queue:
        _send(messages, options)
    else:
        _write(messages, array=options["array"])


def _check_options(context: click.Context, *, to_queue: bool) -> None:
    given = context.params
    names, mix, array = given["names"], given["mix"], given["array"]
    share = given["asset_share"]
    flags = {parameter.name: parameter.opts[-1] for parameter in context.command.params}
    unused = [flags[name] for name in _OF_QUEUE if given[name] is not None and not to_queue]
    faults = {
        'name an event of "consume events", such as submission_created, or use --mix realistic': (
            not names and not mix
        ),
        "--mix chooses the events itself: leave out the names, or --mix": names and mix,
        "--asset-share is an option of --mix realistic": share is not None and not mix,
        "--array is for writing: a queue gets one event in each message": array and to_queue,
        "--array with --malformed would not be a valid array": array and given["malformed"],
        f"{''.join(unused[:1])} is for sending: add --queue-url or --queue-name": unused,
    }
    for fault, is_wrong in faults.items():
        if is_wrong:
            raise click.UsageError(fault)


def _messages(names: tuple[str, ...], options: Mapping[str, Any]) -> Iterator["SampleMessage"]:
    from consumer.events import samples

    seed, event_format, count = options["seed"], options["event_format"], options["count"]
    if count is None:
        count = 100 if options["mix"] else len(names)
    if options["mix"]:
        share = samples.ASSET_SHARE if options["asset_share"] is None else options["asset_share"]
        messages = samples.realistic_messages(count, (event_format,), seed=seed, asset_share=share)
    else:
        messages = samples.sample_messages(names, count, event_format, seed=seed)
    if options["duplicates"]:
        messages = samples.with_duplicates(messages, options["duplicates"], seed=seed)
    if options["malformed"]:
        messages = samples.with_malformed(messages, options["malformed"], seed=seed)
    messages = islice(messages, count)
    return samples.shuffled(messages, seed=seed) if options["shuffle"] else messages


def _write(messages: Iterator["SampleMessage"], *, array: bool) -> None:
    """Write JSON lines or an array, always in UTF-8. Raises `OutputError`."""
    with writing():
        write = sys.stdout.buffer.write
        write(b"[\n" if array else b"")
        for number, message in enumerate(messages):
            write(b",\n" if array and number else b"")
            write(message.body.encode() + (b"" if array else b"\n"))
        write(b"\n]\n" if array else b"")
        sys.stdout.buffer.flush()


def _send(messages: Iterator["SampleMessage"], options: Mapping[str, Any]) -> None:
    """Send the messages to a queue. However that ends, the number of messages sent is reported."""
    from consumer.clock import SystemClock
    from consumer.queues.sending import Outgoing, send_all
    from consumer.queues.sqs import connect

    loaded = load_quietly(options)
    sender = connect(loaded.settings.queue, loaded.settings.aws)
    count, rate = options["count"], options["rate"]
    if count and rate and count / rate >= 5:  # seconds
        note(f"sending {count} messages to {sender.name} takes {count / rate:,.0f} s")
    outgoing = (Outgoing(message.body, message.attributes) for message in messages)
    sent = 0
    try:
        for number in send_all(outgoing, sender, clock=SystemClock(), rate=rate):
            sent += number
    finally:
        sender.close()
        note(f"{sent} {'message was' if sent == 1 else 'messages were'} sent to {sender.name}")
