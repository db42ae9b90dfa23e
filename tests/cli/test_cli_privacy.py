"""`consume privacy explain`: what redaction does with each field."""

from __future__ import annotations

import json
from typing import Any

from click.testing import CliRunner

from consumer.cli.main import main
from consumer.events.catalog.index import names
from consumer.events.redaction.explain import explained
from tests.cases import for_each
from tests.events.redacted import PROFILES


def consume(*arguments: str) -> Any:
    return CliRunner().invoke(main, ["privacy", "explain", *arguments])


def fates(*arguments: str) -> dict[str, str]:
    result = consume(*arguments, "--json")
    assert result.exit_code == 0, result.output
    return {field["path"]: field["fate"] for field in json.loads(result.output)["fields"]}


def test_each_field_is_listed_with_its_fate_and_why() -> None:
    """For people as a table."""
    result = consume("submission_created")

    assert result.exit_code == 0
    assert "FIELD" in result.output.splitlines()[0]
    found = fates("submission_created")
    assert found["metadata.user_login"] == found["body.user_id"] == "replaced"
    assert found["metadata.client_ip"] == found["metadata.url"] == "shortened"
    assert found["body.body"] == "dropped"
    assert found["body.score"] == found["(any other)"] == "kept"


def test_strict_and_caliper_can_be_explained() -> None:
    """By the paths of the event."""
    strict = fates("grade_change", "--profile", "strict", "--format", "caliper")

    assert strict["body.actor.id"] == strict["body.generated.scoreGiven"] == "dropped"
    assert strict["body.object.assignable.id"] == "kept"
    assert strict["(any other)"] == "dropped"
    output = consume("grade_change", "--profile", "strict").output
    assert "with a key_file, replaced with a pseudonym" in output


def test_an_unknown_event_is_explained_as_such() -> None:
    """Its metadata is like that of all events; with a similar name."""
    result = consume("submission_creatd")

    assert result.exit_code == 0
    assert "did you mean submission_created" in result.output
    assert "metadata.user_id" in result.output
    assert not any(path.startswith("body.") for path in fates("brand_new"))


@for_each("profile", PROFILES)
def test_every_event_of_the_catalog_can_be_explained(profile: Any) -> None:
    """In both formats, with a reason for each field."""
    for event_format in ("canvas", "caliper"):
        for name in names(event_format):
            fields = list(explained(name, event_format, profile))

            assert len({field.path for field in fields}) == len(fields), name
            assert all(field.why for field in fields), name
