"""`consume events`: what Canvas sends, explained."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from consumer.cli.errors import told_plainly
from consumer.cli.output import echo
from consumer.cli.tables import table, terminal_width

if TYPE_CHECKING:
    from consumer.messages import Format

_HELP = {"help_option_names": ["-h", "--help"], "max_content_width": 100}
_json_option = click.option("--json", "as_json", is_flag=True, help="As JSON.")


def _known(context: click.Context, parameter: click.Parameter, name: str) -> str:
    """The name, if the catalog knows it; else it ends here with the nearest ones."""
    from consumer.events.catalog.index import is_known, nearest

    if is_known(name):
        return name
    near = nearest(name)
    hint = f"Did you mean {_or(near)}?" if near else '"consume events" lists all of them.'
    reason = f"{name!a} is no event that Canvas is known to send. {hint}"
    raise click.BadParameter(reason, context, parameter)


def _or(alternatives: tuple[str, ...]) -> str:
    *others, last = alternatives
    return f"{', '.join(others)} or {last}" if others else last


@click.group(
    "events",
    invoke_without_command=True,
    short_help="Explain the events that Canvas sends.",
    context_settings=_HELP,
    epilog="""\b
Exit codes:
  0  told
  2  there is no such event, or it has no such format; the nearest names are told
  74 standard output can't be written

\b
Examples:
  consume events
  consume events show submission_created
  consume events schema submission_created > submission_created.schema.json
  consume events schema submission_created --format caliper
  consume events --json | jq -r '.[] | select(.category == "grade") | .name'
""",
)
@_json_option
@click.pass_context
def events_group(context: click.Context, as_json: bool) -> None:
    """List all events that Canvas is known to send: name, category, formats, what it tells.

    Canvas keeps adding events. One that is not listed here is received and handled all the same.
    """
    if context.invoked_subcommand is None:
        with told_plainly():
            _list(as_json=as_json)


@events_group.command("list", short_help="The same as without a command.", context_settings=_HELP)
@_json_option
def list_command(as_json: bool) -> None:
    """List all events that Canvas is known to send."""
    with told_plainly():
        _list(as_json=as_json)


def _list(*, as_json: bool) -> None:
    from consumer.events.catalog.index import names

    rows = [_summary(name) for name in names()]
    if as_json:
        echo(json.dumps(rows, indent=2))
        return
    header = ("NAME", "CATEGORY", "FORMATS", "WHAT IT TELLS")
    cells = [
        (
            row["name"],
            row["category"],
            ", ".join(row["formats"]),
            row["meaning"] + ("" if row["documented"] else " (undocumented)"),
        )
        for row in rows
    ]
    for line in table([header, *cells], terminal_width(), indent=""):
        echo(line)
    echo(
        "\nconsume events show NAME explains one. Undocumented: no payload has been"
        "\npublished; its fields are known from the code of Canvas or of its receivers."
    )


def _summary(name: str) -> dict[str, Any]:
    from consumer.events.catalog import model_of
    from consumer.events.catalog.describe import meaning_of
    from consumer.events.catalog.index import category_of, is_known

    model = model_of(name)
    return {
        "name": name,
        "category": category_of(name),
        "formats": [found for found in ("canvas", "caliper") if is_known(name, found)],
        "documented": model is not None and model.documented,
        "meaning": meaning_of(model) if model is not None else "",
    }


@events_group.command(
    short_help="Explain one event.",
    context_settings=_HELP,
    epilog="""\b
Examples:
  consume events show submission_created
  consume events show submission_created --json | jq '.canvas.fields[].path'
""",
)
@click.argument("name", callback=_known)
@_json_option
@click.pass_context
def show(context: click.Context, name: str, as_json: bool) -> None:
    """Explain the event NAME: each field with type and meaning, an example, its Caliper form."""
    from consumer.cli.event_pages import event_facts, event_page

    with told_plainly():
        facts = event_facts(_summary(name))
        if as_json or (context.parent and context.parent.params.get("as_json")):
            echo(json.dumps(facts, indent=2))
        else:
            for line in event_page(facts, terminal_width()):
                echo(line)


@events_group.command(
    short_help="Print the JSON Schema of one event.",
    context_settings=_HELP,
    epilog="""\b
Examples:
  consume events schema submission_created
  consume events schema grade_change --format caliper
""",
)
@click.argument("name", callback=_known)
@click.option(
    "--format",
    "event_format",
    type=click.Choice(["canvas", "caliper"]),
    default="canvas",
    show_default=True,
    help="Format of the message.",
)
@click.option("--json", is_flag=True, expose_value=False, help="It is JSON anyway.")
def schema(name: str, event_format: Format) -> None:
    """Print the JSON Schema (2020-12) of a whole message with the event NAME."""
    from consumer.events.catalog.index import is_known
    from consumer.events.catalog.schema import message_schema

    if not is_known(name, event_format):
        raise click.BadParameter(f"{name} is sent in Canvas format only.", param_hint="'--format'")
    with told_plainly():
        echo(json.dumps(message_schema(name, event_format), indent=2))
