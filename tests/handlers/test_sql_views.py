"""The views of the catalog's events, whatever the database."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from consumer.errors import ConfigurationError
from consumer.events.catalog import index
from consumer.handlers.loading.factories import Options
from consumer.handlers.sql.options import table_option
from consumer.handlers.sql.views import COMMON, ViewColumn, views_of_catalog, views_version

VIEWS = {view.event: view for view in views_of_catalog("live_events")}


def column(event: str, name: str) -> ViewColumn:
    (found,) = [column for column in VIEWS[event].columns if column.name == name]
    return found


def test_a_view_for_each_event() -> None:
    """By its name, with "_" for what no name in SQL can have."""
    assert set(index.names()) == set(VIEWS)
    assert len({view.name for view in VIEWS.values()}) == len(VIEWS)
    assert "live_grade_change" == VIEWS["grade_change"].name
    assert "live_quizzes_lti_grade_changed" == VIEWS["quizzes-lti.grade_changed"].name


def test_names_that_any_database_takes() -> None:
    """Also with the longest name of a table: 63 characters; each column has a name of its own."""
    for view in views_of_catalog("t" * 24):
        columns = [column.name for column in (*COMMON, *view.columns)]
        assert len(set(columns)) == len(columns), view.name
        for name in (view.name, *columns):
            assert re.fullmatch(r"[a-z][a-z0-9_]{0,62}", name)
        for found in view.columns:
            assert all(re.fullmatch(r"[a-z][a-z0-9_]*", part) for part in found.path)


def test_types_by_the_kind_of_field() -> None:
    """Ids are numbers, except those of others; a list is a text."""
    types = {
        "score": "number",
        "submission_id": "bigint",
        "submitted_at": "timestamp",
        "late": "boolean",
        "lti_user_id": "text",
        "associated_integration_ids": "text",
        "body": "text",
    }
    for name, expected in types.items():
        assert expected == column("submission_created", name).type, name


def test_fields_beside_the_common_columns() -> None:
    """A field with the name of a common column is marked, and so is all metadata."""
    assert ("body", "user_id") == column("submission_created", "body_user_id").path
    assert ("body", "name") == column("course_created", "name").path
    assert ("metadata", "context_role") == column("logged_in", "metadata_context_role").path


def test_no_model_is_loaded_before_views_are_made() -> None:
    """They take half a second and 20 MB; their version is known without them."""
    code = (
        "import sys, pathlib\n"
        "from consumer.handlers.loading.factories import HandlerEnvironment\n"
        "from consumer.handlers.sqlite import factory\n"
        "from consumer.handlers.sql.views import views_version\n"
        "factory('x', {}, HandlerEnvironment(pathlib.Path('.')))\n"
        "views_version({})\n"
        "print([m for m in sys.modules if m.startswith('consumer.events.catalog.')])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "['consumer.events.catalog.index']" == done.stdout.strip()


def test_other_expressions_are_another_version() -> None:
    """So that the views are made again where the program came from a newer copy, too."""
    versions = {views_version({"bigint": text}) for text in ("{0}", "({0})")}
    assert len(versions) == 2
    assert max(map(len, versions)) < 60


def test_names_of_tables() -> None:
    """Plain ones only, because they stand in statements."""
    assert "live_events" == table_option(Options("x", {}))
    for right in ("events_2", "live_events_2", "lively", "schema"):
        assert right == table_option(Options("x", {"table": right}))
    views = ("live", "live_course", "live_grade_change")  # of which or with which one has the name
    for wrong in (
        *views, "live_events_schema", "Events", "a b", 'a"', "a;b", "1a", "t" * 25, "sqlite_x",
        "pg_x", 7,
    ):  # fmt: skip
        with pytest.raises(ConfigurationError, match="table must be") as caught:
            table_option(Options("x", {"table": wrong}))
        assert wrong == 7 or str(caught.value).endswith("nor end with _schema")
