"""`consume peek`: shows messages of the queue, and gives them back."""

from collections.abc import Iterator
from contextlib import closing
from typing import TYPE_CHECKING, Any

import click

from consumer.cli.options import help_end, json_option, queue_options
from consumer.cli.output import echo_result, note, report, table, terminal_width
from consumer.cli.with_queue import age_text, dead_letter_queue, load_quietly, report_not_given_back
from consumer.printable import printable

if TYPE_CHECKING:
    from consumer.operations.facts import MessageFacts
    from consumer.operations.peek import Peek

body_option = click.option(
    "--body", "with_body", is_flag=True,
    help="Show contents, which are personal data. Secrets in URLs are removed.",
)  # fmt: skip


@click.command(
    "peek",
    short_help="Show messages of the queue, and give them back.",
    epilog=help_end(
        "consume peek --config config.yaml",
        "consume peek --config config.yaml --count 3 --body",
        "consume peek --config config.yaml --dlq --json | jq '.messages[].undecodable'",
        codes={
            0: "the messages were shown, and given back",
            1: "refused or stopped because of maxReceiveCount, or something was not given back",
            69: "there is no such queue, or no dead-letter queue",
            75: "SQS could not be reached",
            77: "credentials are missing, wrong or lack a permission, which is named",
            78: "the configuration can't be used",
            130: "stopped with Ctrl-C; the messages were given back",
        },
    ),
)
@click.option(
    "--count", metavar="N", type=click.IntRange(1, 1000), default=10, show_default=True,
    help="Show at most N messages.",
)  # fmt: skip
@body_option
@click.option("--dlq", is_flag=True, help="Look into the queue's dead-letter queue instead.")
@json_option
@queue_options
@click.pass_context
def peek_command(
    context: click.Context, /, *, count: int, with_body: bool, dlq: bool, as_json: bool,
    **options: Any,
) -> None:  # fmt: skip
    """Show up to N messages of the queue, and make them visible again at once.

    Meanwhile other consumers do not get them, for 30 seconds at most. SQS counts each look as a
    delivery (ApproximateReceiveCount). With a redrive policy, messages are therefore read one by
    one, up to the first that has fewer than two deliveries left; a maxReceiveCount below 3 is
    refused. SQS reports the count of a message only when it is received: if the first one found
    was waiting for its last delivery, the look has used it up, and SQS moves it to the dead-letter
    queue next. A dead-letter queue has no such limit.
    """
    from consumer.clock import SystemClock
    from consumer.operations.decoding import Decoding, unsealing_of
    from consumer.operations.peek import HOLD_SECONDS, peek
    from consumer.queues.sqs import connect

    if dlq:
        loaded, queue = dead_letter_queue({**options, "dlq_url": None, "dlq_name": None})
    else:
        loaded = load_quietly(options)
        queue = loaded.settings.queue
    clock = SystemClock()
    decoding = Decoding.of(queue, unsealing_of(loaded.settings, clock=clock))
    with closing(connect(queue, loaded.settings.aws)) as transport:
        seen = peek(transport, count=count, decoding=decoding, clock=clock, with_body=with_body)
        name = transport.name
    _show(seen, name, as_json=as_json)
    refused = report_not_given_back(seen.not_given_back, HOLD_SECONDS)
    context.exit(1 if seen.stopped or refused else 0)


def _show(seen: "Peek", name: str, *, as_json: bool) -> None:
    data = {
        "queue": name,
        "messages": [facts.as_data() for facts in seen.messages],
        "stopped": seen.stopped or None,
        "not_given_back": len(seen.not_given_back),
    }
    echo_result(data, message_page(seen.messages), as_json=as_json)
    if not seen.messages:
        note(f"no message of {name} is visible now")
    elif not as_json:
        note("SQS has counted this as one more delivery of each message that is shown")
    if seen.stopped:
        report(f"stopped: {seen.stopped}", kind="warning")


def message_page(messages: "tuple[MessageFacts, ...]") -> Iterator[str]:
    """A table, and after it the bodies that are to be shown."""
    rows = [("EVENT", "TIME", "RECEIVED", "AGE", "BYTES", "MESSAGE", "EVENT KEY, OR WHY NOT")]
    for m in messages:
        time = m.events[0].event_time if m.events else None
        rows.append(
            (
                m.name, "" if time is None else f"{time:%Y-%m-%d %H:%M:%S}", f"{m.receive_count}",
                age_text(m.age_seconds), f"{m.size_bytes:,}", m.message_id,
                m.events[0].event_key if m.events else m.undecodable,
            )
        )  # fmt: skip
    if messages:
        yield from table(rows, terminal_width(), indent="")
    for m in messages:
        if m.body is not None:
            yield ""
            yield m.message_id
            yield printable(m.body)
