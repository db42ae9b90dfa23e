"""`consume privacy`: explains what redaction does with the fields of an event."""

import click

from consumer.cli.options import format_option, help_end, json_option
from consumer.cli.output import echo_result, table, terminal_width, wrapped
from consumer.messages import Format


@click.group(
    "privacy",
    short_help="Explain what redaction does with an event.",
    epilog=help_end(
        "consume privacy explain submission_created",
        "consume privacy explain grade_change --format caliper --profile strict",
        "consume privacy explain user_created --json | jq '.fields[] | select(.fate == \"kept\")'",
    ),
)
def privacy_group() -> None:
    """Explain what the setting `redact` of a handler does with the fields of an event."""


@privacy_group.command(
    short_help="List each field of an event: kept, replaced, shortened or dropped.",
    epilog=help_end(
        "consume privacy explain submission_created",
        "consume privacy explain grade_change --format caliper --profile strict",
        codes={0: "explained; also an event that is not in the catalog", 2: "wrong usage"},
    ),
)
@click.argument("event")
@format_option
@click.option(
    "--profile",
    type=click.Choice(["analytics", "strict"]),
    default="analytics",
    show_default=True,
    help="The profile of the handler's setting `redact`.",
)
@json_option
def explain(event: str, *, event_format: Format, profile: str, as_json: bool) -> None:  # fmt: skip
    """List each field of EVENT, what a handler with this profile gets of it, and why.

    An EVENT that is not in the catalog has the fields that all events have, and unknown ones.
    """
    from consumer.cli.events import event_fault
    from consumer.events.redaction.explain import UNLESS, explained

    fields = list(explained(event, event_format, "strict" if profile == "strict" else "analytics"))
    data = {
        "name": event,
        "format": event_format,
        "profile": profile,
        "note": event_fault(event, event_format) or None,
        "fields": [field._asdict() for field in fields],
        "unless": UNLESS,
    }
    width = terminal_width()
    rows = [("FIELD", "WHAT", "WHY"), *fields]
    note = f"Note: {data['note']}. All fields of its body are unknown."
    lines = [*(wrapped(note, width) if data["note"] else ()), *table(rows, width, indent="")]
    lines += ["", *wrapped(UNLESS, width)]
    echo_result(data, lines, as_json=as_json)
