"""`consume sample`: makes events as Canvas sends them, to look at or into a queue."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

import click

from consumer.cli.errors import FILE, told_plainly
from consumer.cli.sample_output import send, write
from consumer.errors import EXIT_INTERRUPTED

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from consumer.events.samples import SampleMessage
    from consumer.messages import Format

_MIXED_COUNT = 100
_EPILOG = """\b
Exit codes:
  0   all were written, or sent
  2   wrong options, or a name that the catalog does not know
  69  the queue does not exist
  74  standard output can't be written
  75  SQS was not reached, or did not take a message, four times
  77  credentials are missing, wrong or not allowed to send
  78  the configuration can't be used, or the queue's name does not begin with canvas-live-events
  130 stopped with Ctrl-C; how many were sent is told

\b
Examples:
  consume sample submission_created
  consume sample submission_created grade_change --count 10 --format caliper
  consume sample --mix realistic --count 1000 --seed 7 > events.jsonl
  consume sample quiz_submitted | consume decode -
  consume sample --mix realistic --count 5000 --duplicates 0.01 --shuffle --malformed 0.001 \\
    --rate 50/s --queue-url https://sqs.us-east-1.amazonaws.com/123456789012/canvas-live-events-test
"""
#: Only of use with a queue.
_OF_QUEUE = ("rate", "region", "endpoint_url", "profile", "config_file")


def _rate(context: click.Context, parameter: click.Parameter, value: str | None) -> float | None:
    """So many a second, above 0: "50/s" or "50"."""
    if value is None:
        return None
    try:
        rate = float(value.removesuffix("/s"))
    except ValueError:
        rate = 0.0
    if not 0 < rate < float("inf"):
        raise click.BadParameter(f"{value!r} is no rate; one is written 50/s", context, parameter)
    return rate


@click.command(
    "sample",
    short_help="Make sample events, or send them to a queue.",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=_EPILOG,
)
@click.argument("names", metavar="[NAME]...", nargs=-1)
@click.option(
    "--format", "event_format", type=click.Choice(["canvas", "caliper"]), default="canvas",
    show_default=True, help="Format of the messages.",
)  # fmt: skip
@click.option(
    "--count", metavar="N", type=click.IntRange(min=0),
    help="How many messages in all; the names take turns. Default: one of each name, 100 of a mix.",
)  # fmt: skip
@click.option(
    "--seed", metavar="S", type=click.IntRange(min=0), default=0, show_default=True,
    help="The same seed and options give the same bytes; another seed, another university.",
)  # fmt: skip
@click.option("--array", is_flag=True, help="One JSON array instead of JSON lines.")
@click.option(
    "--mix", type=click.Choice(["realistic"]),
    help="Instead of names: what a university makes in a day, mostly asset_accessed; one action "
    "makes several events, and an import or a copy of a course bursts of them.",
)  # fmt: skip
@click.option(
    "--asset-share", metavar="FRACTION", type=click.FloatRange(0, 1),
    help="Of asset_accessed in the mix. Default: 0.55.",
)  # fmt: skip
@click.option(
    "--duplicates", metavar="FRACTION", type=click.FloatRange(0, 1, max_open=True), default=0.0,
    help="Of the messages that are copies of one before.",
)  # fmt: skip
@click.option("--shuffle", is_flag=True, help="Out of order, within about 1,000 messages.")
@click.option(
    "--malformed", metavar="FRACTION", type=click.FloatRange(0, 1), default=0.0,
    help="Of the messages that can't be decoded: cut off, no JSON, no metadata, wrong types.",
)  # fmt: skip
@click.option("--queue-url", metavar="URL", help="Send to this queue instead of writing.")
@click.option("--queue-name", metavar="NAME", help="Name of the queue, instead of its URL.")
@click.option("--rate", metavar="N/s", callback=_rate, help="Send at most N messages a second.")
@click.option("--region", metavar="NAME", help="Else that of the queue's URL, or AWS_REGION.")
@click.option("--endpoint-url", metavar="URL", help="Another SQS endpoint: VPC or emulator.")
@click.option("--profile", metavar="NAME", help="Profile of the AWS configuration files.")
@click.option(
    "-c", "--config", "config_file", metavar="FILE", type=FILE,
    help="Configuration file, for its aws section and queue.allow_any_queue_name.",
)  # fmt: skip
@click.pass_context
def sample_command(context: click.Context, /, names: tuple[str, ...], **options: Any) -> None:
    """Make events of the given NAMEs, one JSON object per line, as Canvas sends them.

    People, courses and texts are made up, and belong together: one university for each seed. Any
    event that "consume events" lists can be made. With a queue, the messages are sent to it, with
    the message attributes that Canvas sets; a queue whose name does not begin with
    canvas-live-events is refused, unless queue.allow_any_queue_name is set
    (CONSUMER_QUEUE__ALLOW_ANY_QUEUE_NAME=true).
    """
    _check_options(names, options)
    _check_names(names, options["event_format"])
    with told_plainly():
        try:
            messages = _messages(names, options)
            if _is_for_queue(options):
                send(messages, options)
            else:
                write(messages, array=options["array"])
        except KeyboardInterrupt:
            context.exit(EXIT_INTERRUPTED)


def _is_for_queue(options: Mapping[str, Any]) -> bool:
    """Also with an empty text: a variable of a script that is not set."""
    return options["queue_url"] is not None or options["queue_name"] is not None


def _check_options(names: tuple[str, ...], options: Mapping[str, Any]) -> None:
    to_queue = _is_for_queue(options)
    if not names and options["mix"] is None:
        raise click.UsageError(
            'name at least one event, such as submission_created ("consume events" lists all), '
            "or say --mix realistic"
        )
    if names and options["mix"] is not None:
        raise click.UsageError("--mix chooses the events itself: leave out the names, or --mix")
    if options["asset_share"] is not None and options["mix"] is None:
        raise click.UsageError("--asset-share is an option of --mix realistic")
    if options["array"] and to_queue:
        raise click.UsageError("--array is for writing: a queue gets one event in each message")
    if options["array"] and options["malformed"]:
        raise click.UsageError("--array with --malformed would be no array that can be read")
    unused = [name for name in _OF_QUEUE if options[name] is not None]
    if unused and not to_queue:
        told = "--config" if unused[0] == "config_file" else "--" + unused[0].replace("_", "-")
        raise click.UsageError(f"{told} is for sending: add --queue-url or --queue-name")


def _check_names(names: tuple[str, ...], event_format: Format) -> None:
    from consumer.events.catalog import index

    for name in names:
        if index.is_known(name, event_format):
            continue
        if index.is_known(name):
            raise click.UsageError(
                f"{name} has no form in Caliper: Canvas sends it in its own format only"
            )
        near = [other for other in index.nearest(name) if index.is_known(other, event_format)]
        hint = f"did you mean {' or '.join(near)}?" if near else '"consume events" lists all'
        raise click.UsageError(f"there is no event {name!r}; {hint}")


def _messages(names: tuple[str, ...], options: Mapping[str, Any]) -> Iterator[SampleMessage]:
    from consumer.events import samples

    seed, event_format, count = options["seed"], options["event_format"], options["count"]
    if options["mix"] is not None:
        count = _MIXED_COUNT if count is None else count
        share = options["asset_share"]
        messages = samples.realistic_messages(
            count,
            (event_format,),
            seed=seed,
            asset_share=samples.ASSET_SHARE if share is None else share,
        )
    else:
        count = len(names) if count is None else count
        messages = samples.sample_messages(names, count, event_format, seed=seed)
    if options["duplicates"]:
        messages = samples.with_duplicates(messages, options["duplicates"], seed=seed)
    if options["malformed"]:
        messages = samples.with_malformed(messages, options["malformed"], seed=seed)
    messages = islice(messages, count)
    return samples.shuffled(messages, seed=seed) if options["shuffle"] else messages
