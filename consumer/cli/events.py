"""`consume events`: explains the events that Canvas sends."""

import json
from typing import Final

import click

from consumer.cli.options import format_option, help_end, json_option
from consumer.cli.output import echo, echo_result, table, terminal_width
from consumer.messages import Format

_UNDOCUMENTED: Final = (
    "`consume events show NAME` explains an event. Undocumented: no payload has been",
    "published; its fields are known from the code of Canvas or of its receivers.",
)


def event_fault(name: str, event_format: Format = "canvas") -> str:
    """Why there is no such event in this format, with the nearest names; "" if there is one."""
    from consumer.events.catalog.index import is_known, nearest

    if is_known(name, event_format):
        return ""
    if is_known(name):
        return f"Canvas does not send {name} in Caliper format"
    near = " or ".join(other for other in nearest(name) if is_known(other, event_format))
    hint = f"did you mean {near}?" if near else '"consume events" lists all events'
    return f"{name!a} is not a known event; {hint}"


def _check_name(context: click.Context, parameter: click.Parameter, name: str) -> str:
    if fault := event_fault(name):
        raise click.BadParameter(fault, context, parameter)
    return name


@click.group(
    "events",
    invoke_without_command=True,
    short_help="Explain the events that Canvas sends.",
    epilog=help_end(
        "consume events",
        "consume events show submission_created",
        "consume events show submission_created --json | jq '.canvas.fields[].path'",
        "consume events schema submission_created > submission_created.schema.json",
        "consume events schema submission_created --format caliper",
        "consume events --json | jq -r '.[] | select(.category == \"grade\") | .name'",
        codes={
            0: "explained",
            2: "there is no such event, or not in this format; similar names are shown",
        },
    ),
)
@json_option
@click.pass_context
def events_group(context: click.Context, as_json: bool) -> None:
    """List all events that Canvas is known to send: name, category, formats and meaning.

    Canvas keeps adding events. An event that is not listed here is received and handled like all
    others.
    """
    if context.invoked_subcommand is None:
        context.invoke(list_command, as_json=as_json)


@events_group.command("list", short_help="The same as without a command.")
@json_option
def list_command(*, as_json: bool) -> None:
    """List all events that Canvas is known to send."""
    from consumer.cli.event_pages import summary_of
    from consumer.events.catalog.index import names

    rows = [summary_of(name) for name in names()]
    cells = [("NAME", "CATEGORY", "FORMATS", "MEANING")]
    for row in rows:
        meaning = row["meaning"] + ("" if row["documented"] else " (undocumented)")
        cells.append((row["name"], row["category"], ", ".join(row["formats"]), meaning))
    lines = table(cells, terminal_width(), indent="")
    echo_result(rows, (*lines, "", *_UNDOCUMENTED), as_json=as_json)


@events_group.command(short_help="Explain one event.")
@click.argument("name", callback=_check_name)
@json_option
@click.pass_context
def show(context: click.Context, name: str, as_json: bool) -> None:
    """Explain the event NAME: type and meaning of each field, and an example, in each format."""
    from consumer.cli.event_pages import event_facts, event_page

    facts = event_facts(name)
    as_json = as_json or (context.parent is not None and context.parent.params["as_json"])
    echo_result(facts, event_page(facts, terminal_width()), as_json=as_json)


@events_group.command(short_help="Print the JSON Schema of one event.")
@click.argument("name", callback=_check_name)
@format_option
@click.option("--json", is_flag=True, expose_value=False, help="No effect: a schema is JSON.")
def schema(name: str, event_format: Format) -> None:
    """Print the JSON Schema (2020-12) of a whole message with the event NAME."""
    from consumer.events.catalog.schema import message_schema

    if fault := event_fault(name, event_format):
        raise click.BadParameter(fault, param_hint="'--format'")
    echo(json.dumps(message_schema(name, event_format), indent=2))
