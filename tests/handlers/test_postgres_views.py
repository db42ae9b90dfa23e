"""The views of the postgres handler, over every sample; and the README's query."""

from __future__ import annotations

import re
from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
import structlog

from consumer import log_events
from consumer.events.catalog import index
from consumer.handlers.postgres.table import Table
from consumer.handlers.postgres.views import definition
from consumer.handlers.sql.views import views_of_catalog
from consumer.testing import make_event
from tests.handlers.landing.events import every_sample, hard_to_store
from tests.handlers.postgres_site import land
from tests.processes import ROOT

if TYPE_CHECKING:
    from tests.handlers.postgres_site import Site

pytestmark = pytest.mark.xdist_group("postgres")

README = (ROOT / "README.md").read_text()
SECTION = README[README.index("\n### postgres\n") : README.index("\n### s3\n")]


def test_every_sample_is_in_its_view(site: Site) -> None:
    """Each view can be read as a whole, and has the events of its name in both formats."""
    samples = [*every_sample(), *hard_to_store().values()]
    land(site.handler(views=True), samples)

    expected = Counter(event.name for event in samples)
    for view in views_of_catalog("live_events"):
        rows = site.execute(f'select * from "{view.name}"')
        assert expected[view.event] == len(rows), view.name
    assert len(index.names()) == len(list(views_of_catalog("live_events")))


def test_the_columns_have_types(site: Site) -> None:
    """As the catalog says; ids are numbers."""
    event = make_event("grade_change")
    land(site.handler(views=True), [event])
    ((row,),) = site.execute("select row_to_json(v) from live_grade_change v")
    assert event.body["score"] == row["score"]
    assert int(event.body["student_id"]) == row["student_id"]
    types = dict(
        site.execute(
            "select column_name::text, data_type::text from information_schema.columns"
            " where table_name = 'live_submission_created'"
        )
    )
    assert "timestamp with time zone" == types["submitted_at"]
    assert "bigint" == types["assignment_id"]


def test_a_value_that_does_not_fit_is_null(site: Site) -> None:
    """It never makes a view unreadable; dates are checked to the day."""
    times: dict[Any, datetime | None] = {
        "2024-02-29T23:59:59.123Z": datetime(2024, 2, 29, 23, 59, 59, 123_000, UTC),
        "2019-11-05 07:38:00 -0800": datetime(2019, 11, 5, 15, 38, tzinfo=UTC),
        "2020-03-30T11:18:51-06:00": datetime(2020, 3, 30, 17, 18, 51, tzinfo=UTC),
        "2024-03-01 10:00:00 UTC": datetime(2024, 3, 1, 10, tzinfo=UTC),
        **dict.fromkeys(("2024-03-01", "2024-03-01T10:00:00"), None),
        **dict.fromkeys(("2023-02-29T00:00Z", "2024-13-01T00:00Z", "2024-04-31T00:00Z"), None),
        **dict.fromkeys(("yesterday", "", "2024-03-01T25:00:00Z", "infinity", 7, True), None),
        **dict.fromkeys(
            ("2024-03-01T10:00:00+99:00", "1900-02-29T00:00Z", "0000-01-01T00:00Z"), None
        ),
        "2000-02-29T00:00Z": datetime(2000, 2, 29, tzinfo=UTC),
        # Out of what Python's dates can be, in some zone: its clients could not read the view.
        **dict.fromkeys(("9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00"), None),
        "9999-12-30T23:59:59-14:00": datetime(9999, 12, 31, 13, 59, 59, tzinfo=UTC),
    }
    numbers = {"7": 7, 7: 7, "21070000000000012": 21070000000000012, "": None, "abc": None}
    numbers |= {"8" * 19: 8888888888888888888, 2**63: None, str(-(2**63) - 1): None}
    numbers |= {"9" * 40: None, "1.5": None, "-1": -1, " 1": None}
    events = [
        make_event("submission_created", body={"submitted_at": t}, message_id=f"t{n}")
        for n, t in enumerate(times)
    ]
    events += [
        make_event("submission_created", body={"assignment_id": i}, message_id=f"i{n}")
        for n, i in enumerate(numbers)
    ]
    land(site.handler(views=True), events)

    found = dict(site.execute("select message_id, submitted_at from live_submission_created"))
    assert list(times.values()) == [found[f"t{n}"] for n in range(len(times))]
    found = dict(site.execute("select message_id, assignment_id from live_submission_created"))
    assert list(numbers.values()) == [found[f"i{n}"] for n in range(len(numbers))]


def test_names_fit(site: Site) -> None:
    """With the longest name of a table that can have views."""
    names = [view.name for view in views_of_catalog("a" * 24)]
    assert max(map(len, names)) <= 63


def test_views_of_an_older_version(site: Site) -> None:
    """They are replaced; one on which a view of the user depends is kept, and logged."""
    land(site.handler(views=True), [make_event("grade_change")])
    for name in ("grade_change", "course_created"):
        site.execute(f"drop view live_{name}; create view live_{name} as select 1 as old")
        site.execute(f"comment on view live_{name} is 'Made by canvas-live-events-consumer'")
    site.execute("create view mine as select old from live_course_created")
    site.execute("update live_events_schema set views = 'old'")

    assert [["live_course_created"]] * 2 == [kept_at_a_start(site) for _ in range(2)]
    assert 1 == len(site.execute("select score from live_grade_change"))
    assert [(1,)] == site.execute("select * from mine")

    site.execute("drop view mine")
    assert [] == kept_at_a_start(site)
    assert [] == site.execute("select course_id from live_course_created")


def test_rights_on_a_view_are_kept(site: Site) -> None:
    """Also if it is made anew, because its columns are others."""
    handler = site.handler(views=True)
    land(handler, [make_event("grade_change")])
    site.execute(
        "drop view live_grade_change; create view live_grade_change as select 1 as old;"
        " comment on view live_grade_change is 'Made by canvas-live-events-consumer';"
        ' drop role if exists "An Analyst"; create role "An Analyst";'
        ' grant select on live_grade_change to "An Analyst" with grant option;'
        " grant select on live_grade_change to public;"
        " update live_events_schema set views = 'old'"
    )
    assert [] == kept_at_a_start(site)
    assert [(True, True)] == site.execute(
        "select has_table_privilege('An Analyst', oid, 'SELECT WITH GRANT OPTION'),"
        " has_table_privilege('canvas', oid, 'SELECT')"
        " from pg_class where relname = 'live_grade_change'"
    )
    assert 1 == len(site.execute("select score from live_grade_change"))
    site.execute('drop owned by "An Analyst"; drop role "An Analyst"')


def test_views_of_another_user(site: Site) -> None:
    """They are kept, and events land."""
    land(site.handler(views=True), [make_event("grade_change")])
    site.execute(
        "grant all on live_events, live_events_schema to canvas;"
        " update live_events_schema set views = 'old'"
    )
    handler = site.handler_of_canvas(views=True)
    with structlog.testing.capture_logs() as logs:
        land(handler, [make_event("grade_change", message_id="other")])
    assert [log_events.VIEWS_KEPT] == [line["event"] for line in logs]


def test_other_settings_of_the_user(site: Site) -> None:
    """Backslashes that are more than characters make no other views: there are none."""
    assert "\\" not in "".join(
        definition(Table(None, "live_events"), view) for view in views_of_catalog("live_events")
    )
    site.execute("alter database site set standard_conforming_strings = off")
    body = {"assignment_id": "7", "submitted_at": "2024-02-29T23:59:59.123Z"}
    land(site.handler(views=True), [make_event("submission_created", body=body)])
    assert [(7, datetime(2024, 2, 29, 23, 59, 59, 123_000, UTC))] == site.execute(
        "select assignment_id, submitted_at from live_submission_created"
    )


def kept_at_a_start(site: Site) -> list[str]:
    """The views that a new handler leaves as they are."""
    with structlog.testing.capture_logs() as logs:
        land(site.handler(views=True), [make_event("grade_change")])
    lines = [line for line in logs if line["event"] == log_events.VIEWS_KEPT]
    return [view for line in lines for view in line["views"]]


def test_what_the_user_has_made(site: Site) -> None:
    """A view or table of his with such a name is not touched."""
    site.execute("create view live_grade_change as select 1 as mine")
    site.execute("create table live_course_created (id int)")
    assert ["live_course_created", "live_grade_change"] == sorted(kept_at_a_start(site))
    assert [(1,)] == site.execute("select mine from live_grade_change")


def test_a_view_that_is_being_read(site: Site) -> None:
    """A long query over it does not keep events from landing."""
    land(site.handler(views=True), [make_event("grade_change")])
    site.execute("update live_events_schema set views = 'old'")
    with psycopg.connect(site.server.uri(site.name)) as reader:
        reader.execute("select count(*) from live_grade_change")
        assert ["live_grade_change"] == kept_at_a_start(site)
    assert [] == kept_at_a_start(site)
    assert [("old",)] != site.execute("select views from live_events_schema")


def blocks(language: str) -> list[str]:
    """The code blocks of the section, without their indentation."""
    found = re.findall(rf"^( *)```{language}\n(.*?)^ *```", SECTION, re.MULTILINE | re.DOTALL)
    return [re.sub(rf"^{indent}", "", text, flags=re.MULTILINE) for indent, text in found]


def test_from_nothing_to_a_query(site: Site) -> None:
    """The README's statements, word for word: submissions per course and day, from samples."""
    setup, query, _ = blocks("sql")
    setup = setup.replace(" canvas ", " readme ").replace("'a-long-random-password'", "'p'")
    site.execute("drop database if exists readme with (force)")
    site.execute("drop role if exists readme")
    for statement in filter(str.strip, setup.split(";")):
        site.execute(statement)
    connection = site.server.uri("readme", user="readme")
    handler = site.handler(connection=connection, views=True)
    days = [datetime(2024, 3, day, 12, tzinfo=UTC) for day in (1, 1, 2)]
    events = [
        make_event("submission_created", time=time, message_id=f"m{n}", n=n)
        for n, time in enumerate(days)
    ]
    land(handler, events)

    (course,) = {event.subject.course_id for event in events}
    assert course
    assert [(course.global_id, "2024-03-01", 2), (course.global_id, "2024-03-02", 1)] == [
        (found, str(day), count)
        for found, day, count in site.server.execute(query, database="readme")
    ]
    assert handler.close
    handler.close()
    site.execute("drop database readme with (force)")
    site.execute("drop role readme")


def test_the_table_of_an_administrator(site: Site) -> None:
    """The README's definition and its grants are enough, and not more than is needed."""
    *_, definition = blocks("sql")
    site.execute("alter schema public owner to postgres")
    site.execute(f"alter database {site.name} owner to postgres")
    site.execute(f"revoke temporary on database {site.name} from public")
    site.execute(definition)
    handler = site.handler_of_canvas(create=False, views=True)
    assert handler.check_destination
    assert "is there" in handler.check_destination()
    land(handler, every_sample())
    assert len(every_sample()) == site.count()
    assert [] == site.execute("select 1 from pg_class where relname = 'live_events_schema'")
