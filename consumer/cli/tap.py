"""`consume tap`: shows what a running daemon handles, as it happens."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import click

from consumer.cli.options import daemon_options, help_end, json_option
from consumer.cli.output import echo, note
from consumer.cli.steer import DAEMON_CODES, running_daemon
from consumer.printable import printable

_HELP_END: Final = help_end(
    "consume tap",
    "consume tap --events 'submission_*,grade_change' --count 10",
    "consume tap --handler archive --json",
    codes={
        0: "as many as --count were shown, or the daemon has ended",
        1: "the daemon has no such handler, or too many taps are open",
        **DAEMON_CODES,
        130: "stopped with Ctrl-C",
    },
)
#: Shown in front of the line, or not at all.
_NOT_IDS: Final = (
    "outcome", "handler", "milliseconds", "reason", "event_name", "event_time", "format",
    "event_key", "receive_count", "body",
)  # fmt: skip


@click.command("tap", short_help="Show what a running daemon handles.", epilog=_HELP_END)
@click.option(
    "--events", metavar="PATTERNS", default="",
    help="Only events with these names: names or patterns with commas between.",
)  # fmt: skip
@click.option("--handler", metavar="NAME", default="", help="Only what this handler handles.")
@click.option("--count", metavar="N", type=click.IntRange(min=1), help="Stop after N lines.")
@click.option(
    "--body", is_flag=True,
    help="Show the message, too: it has people's data. Secrets in its URLs are replaced.",
)  # fmt: skip
@json_option
@daemon_options
def tap_command(
    *, events: str, handler: str, count: int | None, body: bool, as_json: bool, **options: Any
) -> None:
    """Show each event that a handler of the running daemon handles, as it happens.

    Nothing is received for it, and nothing changes. Each line has the time of the event, its name,
    the handler, what came of it, how long that took, and ids of things, not of people. What this
    command can't show in time is left out, and counted.
    """
    import json

    query = {"events": events, "handler": handler, "body": str(int(body))}
    with running_daemon(options).stream("/tap", query) as found:
        note("connected to the daemon; Ctrl-C ends the tap")
        shown = 0
        while shown != count and (facts := next(found, None)):
            if "dropped" in facts and not as_json:
                note(f"{facts['dropped']} lines were left out: they came too fast")
            for line in [json.dumps(facts)] if as_json else _lines(facts):
                echo(line)
            shown += "dropped" not in facts
        if shown != count:
            note("the daemon has ended")


def _lines(facts: Mapping[str, Any]) -> Iterator[str]:
    if "outcome" not in facts:
        return
    ids = (f"{key}={value}" for key, value in facts.items() if key not in _NOT_IDS and value)
    reason = f" ({facts['reason']})" if facts.get("reason") else ""
    parts = [
        str(facts.get("event_time") or "no time").partition("+")[0].ljust(19)[:19],
        str(facts.get("event_name") or "(no event)").ljust(24),
        str(facts.get("handler") or "-").ljust(10),
        f"{facts.get('outcome')}{reason}".ljust(8),
        f"{facts.get('milliseconds')} ms".rjust(9),
        *ids,
        *(["format=caliper"] if facts.get("format") == "caliper" else []),
        *([f"receive_count={count}"] if (count := facts.get("receive_count", 1)) > 1 else []),
    ]
    yield printable("  ".join(parts))
    if "body" in facts:
        yield f"    {printable(facts['body'])}"
