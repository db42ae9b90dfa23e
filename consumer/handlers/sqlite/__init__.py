"""The sqlite handler: every event in a table of an SQLite file, and views with typed columns."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from consumer.directories import check_writable, is_hidden
from consumer.handlers.loading.factories import HandlerEnvironment, Options, warn_of_missing
from consumer.handlers.registering.registry import Registry
from consumer.handlers.sql.options import table_option
from consumer.handlers.sqlite.store import Store

_FILE: Final = "live_events.sqlite3"


def factory(name: str, options: Mapping[str, Any], environment: HandlerEnvironment) -> Registry:
    """Make the handler; leaves nothing on the disk until the first event.

    Options: file (by default `live_events.sqlite3` in the state directory), table (live_events),
    views (true), scrub_secrets (true). Raises ConfigurationError, also if the file can't be
    written.
    """
    read = Options(name, options)
    given = read.path("file")
    path = given or environment.state_directory / _FILE
    if os.path.exists(path) and not os.path.isfile(path):  # noqa: PTH110, PTH113 - never raise
        raise read.wrong("file", f"a file, and {path} is not one")
    store = Store(
        path,
        table=table_option(read),
        clock=environment.clock,
        make_directory=not given,
        views=read.flag("views", default=True),
        scrub_secrets=read.flag("scrub_secrets", default=True),
    )
    read.end()
    real = Path(os.path.realpath(path))
    if not given or os.path.lexists(real.parent) or is_hidden(real.parent):
        key = "sqlite.file" if given else "state_directory"
        for place in (real.parent, real):
            check_writable(place, "the SQLite file", key)
    else:
        warn_of_missing(real.parent, name, environment)
    registry = Registry()
    registry.add(
        store.write, "*", name=name, batch=100, linger_seconds=0.5, concurrency=1,
        close=store.close, check_destination=store.check,
    )  # fmt: skip
    return registry
