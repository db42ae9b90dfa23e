"""The postgres handler: what lands, once, and durably; also over connections that break."""

from __future__ import annotations

import json
import threading
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from consumer.clock import SystemClock
from consumer.handlers.postgres.connections import Connections, Target, transaction
from consumer.handlers.postgres.landing import Landing
from consumer.handlers.postgres.table import Table
from consumer.testing import make_context, make_event
from tests.handlers.postgres_site import Proxy, events_of, land, refused, unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.handlers.postgres_site import Site

pytestmark = pytest.mark.xdist_group("postgres")


@pytest.fixture(name="proxy")
def _proxy(site: Site) -> Iterator[Proxy]:
    proxy = Proxy(site.server.port)
    yield proxy
    proxy.close()


def test_the_columns_are_those_of_the_event(site: Site) -> None:
    """Ids are global ones; the payload is what was received, twice."""
    event = make_event("submission_created")
    land(site.handler(), [event])

    ((row,),) = site.execute("select row_to_json(live_events) from live_events")
    payload = row.pop("payload")
    assert json.loads(event.raw) == payload == row.pop("payload_jsonb")
    subject = event.subject
    assert subject.course_id
    assert (event.key, event.name, "canvas", "created", False) == (
        row["event_key"], row["name"], row["format"], row["change"], row["triggered_by_job"],
    )  # fmt: skip
    assert subject.course_id.global_id == row["course_id"]
    assert "submission" == row["entity_kind"]
    assert "2024-03-01T12:00:00+00:00" == row["time"]


def test_what_jsonb_can_not_hold(site: Site) -> None:
    """NUL and halves of pairs are visible text in the copy; numbers out of range leave it null."""
    huge = make_event(body={"score": 1}, message_id="huge")
    object.__setattr__(huge, "raw", huge.raw.replace('"score": 1', '"score": 1e200000'))
    odd = make_event(body={"comment": "\0 \ud800 \U0001d11e \\u0000"}, message_id="odd")
    land(site.handler(), [*events_of(range(30)), huge, odd])

    assert 32 == site.count()
    ((stored, copy),) = site.execute(
        "select payload::text, payload_jsonb #>> '{body,comment}' from live_events"
        " where message_id = 'odd'"
    )
    assert odd.body == json.loads(stored)["body"]
    assert "\\u0000 \\ud800 \U0001d11e \\u0000" == copy
    assert [("huge",)] == site.execute(
        "select message_id from live_events where payload_jsonb is null"
    )


def test_texts_with_what_no_text_can_hold(site: Site) -> None:
    """NUL and lone surrogates outside of the payload are visible, too."""
    land(site.handler(), [make_event("odd\0na\ud800me", message_id='a\0"\\N,{}')])

    assert [('a\\u0000"\\N,{}', "odd\\u0000na\\ud800me")] == site.execute(
        "select message_id, name from live_events"
    )


def test_it_is_on_the_disk_also_where_that_is_switched_off(site: Site) -> None:
    """The setting of the transaction is on; in the session nothing is changed."""
    site.execute(f"alter database {site.name} set synchronous_commit = off")
    handler = site.handler()
    land(handler, events_of([1]))
    site.execute("create table seen (setting text)")
    site.execute(
        "create function see() returns trigger language plpgsql as $$ begin"
        " insert into seen values (current_setting('synchronous_commit')"
        " || current_setting('statement_timeout')); return new; end $$"
    )
    site.execute(
        "create trigger see before insert on live_events for each row execute function see()"
    )
    land(handler, events_of([2]))

    assert [("on1min",)] == site.execute("select setting from seen")


def test_a_pooler_can_give_the_session_to_others(site: Site) -> None:
    """No setting, prepared statement, temporary table, lock or transaction is left in it."""
    connections = Connections(Target.of(site.server.uri(site.name), None), SystemClock())
    landing = Landing(
        connections, Table(None, "live_events"), clock=SystemClock(),
        create=True, views=False, scrub_secrets=True,
    )  # fmt: skip
    for number in range(8):
        landing.write(events_of([number]), make_context())

    def left(session: Any) -> list[Any]:
        return [
            session.execute(query).fetchone()[0]
            for query in (
                "select count(*) from pg_prepared_statements",
                "select count(*) from pg_locks where locktype = 'advisory'",
                "select count(*) from pg_class where relpersistence = 't'",
                "select count(*) from pg_settings where source = 'session' and name ~ 'time|com'",
            )
        ]

    assert [0, 0, 0, 0] == connections.run(left)
    landing.close()


def test_an_idle_connection_that_was_closed_meanwhile(site: Site) -> None:
    """The server closed it: the call connects again, and nothing fails."""
    handler = site.handler()
    land(handler, events_of([1]))
    for restart in (False, True):
        if restart:
            site.server.stop()
            site.server.start()
        else:
            site.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity"
                " where application_name = 'canvas-live-events-consumer'"
            )
        land(handler, events_of([2 + restart]))
    assert 3 == site.count()


def test_killed_in_the_middle_of_a_transaction(site: Site) -> None:
    """The first time by a backend that ends: nothing of it has landed; then all of it, once."""
    handler = site.handler()
    land(handler, [])
    land(handler, events_of([0]))
    site.execute("create sequence calls")
    site.execute(
        "create function kill() returns trigger language plpgsql as $$ begin"
        " if nextval('calls') = 50 then perform pg_terminate_backend(pg_backend_pid()); end if;"
        " return new; end $$"
    )
    site.execute(
        "create trigger kill before insert on live_events for each row execute function kill()"
    )
    land(handler, events_of(range(1, 101)))
    assert 101 == site.count()

    site.execute("select setval('calls', 1)")
    handler = site.handler()  # without an idle connection
    reason = unavailable(lambda: land(handler, events_of(range(101, 201))))
    assert "the server is shutting down (SQLSTATE 57P01)" in reason
    assert 101 == site.count()


def test_the_answer_to_a_commit_is_lost(site: Site, proxy: Proxy) -> None:
    """It was committed, or not: the same events again land once."""
    handler = site.handler(connection=site.server.uri(site.name, port=proxy.port))
    events = events_of(range(50))
    proxy.cut_at = b"COMMIT"
    unavailable(lambda: land(handler, events[:1]))  # while the table is created
    land(handler, events[:1])
    for count in (25, 50):
        proxy.cut_at = b"COMMIT"
        before = proxy.connections
        land(handler, events[:count])
        assert before + 1 == proxy.connections
        assert count == site.count()


def test_a_server_that_does_not_answer(site: Site, proxy: Proxy) -> None:
    """The call ends after a while, without a second try; then the handler goes on."""
    target = Target.of(site.server.uri(site.name, port=proxy.port), None)
    landing = Landing(
        Connections(target, SystemClock(), answer_seconds=0.3), Table(None, "live_events"),
        clock=SystemClock(), create=True, views=False, scrub_secrets=True,
    )  # fmt: skip
    landing.write(events_of([1]), make_context())
    proxy.is_silent = True
    reason = unavailable(lambda: landing.write(events_of([2]), make_context()))
    assert 'the database "site" on 127.0.0.1: it does not answer' == reason
    assert 1 == proxy.connections
    proxy.is_silent = False
    landing.write(events_of([2]), make_context())
    assert 2 == site.count()
    landing.close()


def test_bad_rows_among_hundreds(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are rejected alone, in a number of transactions that grows with theirs only."""
    handler = site.handler()
    land(handler, events_of([0]))
    site.execute("alter table live_events add constraint no check (message_id not like '%7')")
    transactions: list[Any] = []

    @contextmanager
    def counted(session: Any) -> Iterator[None]:
        transactions.append(session)
        with transaction(session):
            yield

    monkeypatch.setattr("consumer.handlers.postgres.landing.transaction", counted)
    events = [e for e in events_of(range(1, 501)) if e.message_id[-1] != "7"]
    bad = events_of([7, 77, 177])
    reasons = refused(handler, [*bad[:2], *events, bad[2]])

    assert {"m7", "m77", "m177"} == reasons.keys()
    assert {"PostgreSQL refuses to store it: CheckViolation (SQLSTATE 23514)"} == set(
        reasons.values()
    )
    assert len(transactions) < 3 * 2 * 10 + 3
    assert 1 + len(events) == site.count()


def test_what_is_refused_by_the_users_own_rules(site: Site) -> None:
    """A column of the table that must not be null, and a trigger's own code: only that event."""
    land(site.handler(), [])
    land(site.handler(), events_of([0]))
    site.execute("alter table live_events alter column entity_kind set not null")
    site.execute(
        "create function refuse() returns trigger language plpgsql as $$ begin"
        " if new.message_id = 'm2' then raise 'no' using errcode = 'UE001'; end if;"
        " if new.message_id = 'm3' then perform (select 1 from generate_series(1, 2)); end if;"
        " return new; end $$;"
        "create trigger refuse before insert on live_events for each row execute function refuse()"
    )
    events = [*events_of(range(1, 6)), make_event("unheard_of", message_id="m9")]
    assert ["m2", "m3", "m9"] == sorted(refused(site.handler(), events))
    assert 4 == site.count()


def test_a_rule_for_the_copy_of_the_payload(site: Site) -> None:
    """An event that it refuses does not land without the copy."""
    land(site.handler(), events_of([0]))
    site.execute("alter table live_events add check (payload_jsonb #>> '{body,n}' <> '7')")
    events = [make_event(body={"n": str(n)}, message_id=f"n{n}") for n in (6, 7, 8)]
    assert ["n7"] == list(refused(site.handler(), events))
    assert 3 == site.count()


def test_all_rows_are_bad(site: Site) -> None:
    """Each is rejected; twice as many attempts as rows are enough."""
    handler = site.handler()
    land(handler, [])
    land(handler, events_of([0]))
    site.execute("alter table live_events add constraint no check (message_id = 'm0')")

    assert 40 == len(refused(handler, events_of(range(1, 41))))
    assert 1 == site.count()


def test_no_deadlock(site: Site) -> None:
    """Several handlers land the same events at once, each in another order."""
    land(site.handler(), events_of([0]))
    found: list[object] = []

    def write(step: int) -> None:
        handler = site.handler()
        for begin in range(0, 400, 100):
            numbers = list(range(begin, begin + 100))
            try:
                land(handler, events_of(numbers[::step]))
            except Exception as error:
                found.append(error)

    threads = [threading.Thread(target=write, args=(step,)) for step in (1, -1, 1, -1)]
    with ExitStack() as stack:
        for thread in threads:
            thread.start()
            stack.callback(thread.join)
    assert [] == found
    assert 400 == site.count()


def test_large_batches_are_sent_in_parts(site: Site) -> None:
    """30 MB in one transaction: either all of it is there or nothing."""
    big = [
        make_event(body={"n": n, "text": '"' * 1_500_000}, message_id=f"b{n}") for n in range(10)
    ]
    land(site.handler(), big)
    assert [(10, 15_000_000)] == site.execute(
        "select count(*), sum(length(payload #>> '{body,text}')) from live_events"
    )


def test_connections_are_closed(site: Site) -> None:
    """After the end none is left; each thread had its own."""
    handler = site.handler()
    for _ in range(5):
        land(handler, events_of([1]))
    mine = "select count(*) from pg_stat_activity where application_name like 'canvas-%'"
    assert [(1,)] == site.execute(mine)
    assert handler.close is not None
    handler.close()
    handler.close()
    land(handler, events_of([2]))  # a call that ran past its timeout
    for _ in range(200):
        if site.execute(mine) == [(0,)]:
            break
    assert [(0,)] == site.execute(mine)
