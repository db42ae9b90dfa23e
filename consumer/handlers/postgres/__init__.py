"""The postgres handler: every event as a row of a table. Nothing else imports psycopg."""

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from consumer.config.secret_file import read_secret, why_unreadable
from consumer.errors import ConfigurationError
from consumer.handlers.loading.factories import HandlerEnvironment, Options
from consumer.handlers.registering.registry import Registry
from consumer.handlers.sql.options import RIGHT, TABLE


def factory(name: str, options: Mapping[str, Any], environment: HandlerEnvironment) -> Registry:
    """Make the handler; connects with the first event.

    Options: connection (libpq's URI or `key=value` text, without a password), password_file,
    table (live_events), create (true), views (true), scrub_secrets (true). Raises
    ConfigurationError.
    """
    check_installed(name)
    # These import psycopg.
    from consumer.handlers.postgres.connections import Connections, Target  # noqa: PLC0415
    from consumer.handlers.postgres.landing import Landing  # noqa: PLC0415
    from consumer.handlers.postgres.table import Table  # noqa: PLC0415

    read = Options(name, options)
    connection = read.text("connection")
    password_file = _password_file(name, read, environment)
    table = Table.named(read.text("table", TABLE) or TABLE)
    create = read.flag("create", default=True)
    views = read.flag("views", default=True)
    scrub_secrets = read.flag("scrub_secrets", default=True)
    read.end()
    if table is None:
        raise read.wrong("table", f"NAME or SCHEMA.NAME; NAME must be {RIGHT}")
    try:
        target = Target.of(connection, password_file)
    except ValueError as error:
        raise read.wrong("connection", str(error)) from None
    landing = Landing(
        Connections(target, environment.clock), table, clock=environment.clock,
        create=create, views=views, scrub_secrets=scrub_secrets,
    )  # fmt: skip
    registry = Registry()
    registry.add(
        landing.write, "*", name=name, batch=500, linger_seconds=2.0,
        close=landing.close, check_destination=landing.check,
    )  # fmt: skip
    return registry


def _password_file(name: str, read: Options, environment: HandlerEnvironment) -> Path | None:
    """Where the password is. Raises: `ConfigurationError` if it is among the options itself."""
    if read.text("password") is not None:
        raise read.wrong("password", "in a file, named by password_file")
    path = read.path("password_file")
    if path is not None and (fault := _fault_of(path)):
        # No error: a credential of systemd is there only while the service runs.
        environment.warn(f'handler "{name}": password_file {fault}')
    return path


def _fault_of(path: Path) -> str:
    try:
        read_secret(path)
    except OSError as error:
        return f"can't be read: {why_unreadable(path, error)}"
    except ValueError as error:
        return str(error)
    return ""


def check_installed(name: str) -> None:
    """Raises: `ConfigurationError` if the library that talks to PostgreSQL can't be imported."""
    try:
        import_module("psycopg")
    except ImportError:
        raise ConfigurationError(
            f'handler "{name}": PostgreSQL needs the library psycopg; run '
            "pip install 'canvas-live-events-consumer[postgres]'"
        ) from None
