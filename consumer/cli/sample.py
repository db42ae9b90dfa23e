"""`consume sample`: makes events as Canvas sends them, and writes them or sends them."""

import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

import click

from consumer.cli.events import event_fault
from consumer.cli.logs import log_to_stderr
from consumer.cli.options import Number, format_option, help_end, queue_options
from consumer.cli.output import writing
from consumer.cli.sample_options import check_options, sending_options
from consumer.errors import ConfigurationError

if TYPE_CHECKING:
    from consumer.events.samples import SampleMessage

_HELP_END: Final = help_end(
    "consume sample submission_created",
    "consume sample submission_created grade_change --count 10 --format caliper",
    "consume sample --mix realistic --count 1000 --seed 7 > events.jsonl",
    "consume sample quiz_submitted | consume decode -",
    "consume sample --mix realistic --count 5000 --duplicates 0.01 --shuffle --malformed 0.001 \\",
    "  --rate 50/s --queue-name canvas-live-events-test",
    "consume sample --mix realistic --count 1000 --rate 20/s --sign --jwks jwks.json \\",
    "  --to https://events.example.edu/canvas",
    codes={
        0: "all were written, or sent, or accepted by the receiver",
        1: "the receiver did not accept some, in four tries",
        2: "wrong options, or a name that is not in the catalog",
        69: "",
        75: "SQS or the receiver could not be reached, or SQS refused a message, four times",
        77: "credentials are missing, wrong or not allowed to send",
        78: "the configuration, a key or a file can't be used, the extra signed is missing, or\n"
        "      Canvas could not deliver to a queue of that name",
        130: "stopped with Ctrl-C; what was sent is counted",
    },
)


@click.command(
    "sample", short_help="Make sample events, or send them to a queue or by HTTPS.",
    epilog=_HELP_END,
)  # fmt: skip
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
@sending_options
@queue_options
@click.pass_context
def sample_command(context: click.Context, /, names: tuple[str, ...], **options: Any) -> None:
    """Make events with the given NAMEs as Canvas sends them, and write one JSON object per line.

    "consume events" lists all names. People, courses and texts are invented and consistent: each
    seed is one university.

    With --queue-url or --queue-name, the messages are sent to that queue, with the message
    attributes that Canvas sets. The name of the queue must begin with canvas-live-events, unless
    queue.allow_any_queue_name is set (CONSUMER_QUEUE__ALLOW_ANY_QUEUE_NAME=true).

    With --to, they are posted to a receiver, one in each request, over up to 16 connections. A 2xx
    within 15 s accepts a message. Anything else, also a redirect, is tried three more times within
    10 to 20 minutes. Certificates are checked; SSL_CERT_FILE names a file of others to trust.

    With --sign, each message is a signed JWT with the event as its claims. --jwks and --jwks-listen
    publish the previous, the current and the next key. Without them, nothing can verify the
    messages: they are forgeries, which must be refused.
    """
    # An empty text, such as a variable that is not set, is a wrong queue and not "no queue".
    to_queue = options["queue__url"] is not None or options["queue__name"] is not None
    check_options(context, to_queue=to_queue)
    for name in names:
        if fault := event_fault(name, options["event_format"]):
            raise click.UsageError(fault)
    if options["count"] is None:
        options["count"] = 100 if options["mix"] else len(names)
    with ExitStack() as until_done:
        messages = _messages(names, options)
        if options["sign"]:
            messages = _signed(messages, options, until_done)
        if to_queue or options["to"]:
            from consumer.cli.sample_sending import post, send_to_queue
            from consumer.clock import SystemClock

            log_to_stderr()
            context.exit((send_to_queue if to_queue else post)(messages, options, SystemClock()))
        _write(messages, array=options["array"])


def _messages(names: tuple[str, ...], options: Mapping[str, Any]) -> Iterator["SampleMessage"]:
    from consumer.events import samples

    seed, event_format, count = options["seed"], options["event_format"], options["count"]
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


def _signed(
    messages: Iterator["SampleMessage"], options: Mapping[str, Any], until_done: ExitStack
) -> Iterator["SampleMessage"]:
    """The messages, signed. Their keys are served until all is done.

    Raises: `ConfigurationError`.
    """
    from consumer.clock import SystemClock

    try:
        from consumer.operations.signing import serving, signed
        from consumer.signatures.signer import Signer, key_in
    except ImportError:
        raise ConfigurationError(
            "--sign needs the library cryptography; run "
            "pip install 'canvas-live-events-consumer[signed]'"
        ) from None
    key = options["key"] and key_in(options["key"])
    signer = Signer(key, SystemClock().now())
    if options["jwks_listen"]:
        until_done.enter_context(serving(signer, *options["jwks_listen"]))
    middle = (options["count"] + 1) // 2 if options["rotate"] else None
    return signed(messages, signer, jwks_file=options["jwks"], rotate_after=middle)


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
