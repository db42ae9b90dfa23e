"""The archive handler: every event durably in JSON lines, before its message is deleted."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from consumer.directories import is_hidden
from consumer.handlers.archive.store import Archive
from consumer.handlers.archive.upkeep import Upkeep
from consumer.handlers.loading.factories import HandlerEnvironment, Options, warn_of_missing
from consumer.handlers.registering.registry import Registry

_MAX_FILE_BYTES: Final = 128 * 1024 * 1024


def factory(name: str, options: Mapping[str, Any], environment: HandlerEnvironment) -> Registry:
    """Make the handler; leaves nothing on the disk until the first event.

    Options: directory (by default `archive` in the state directory), max_file_bytes (128 MiB),
    scrub_secrets (true), gzip (false), keep_days and keep_bytes (for ever). Raises
    ConfigurationError, also if the directory can't be written.
    """
    read = Options(name, options)
    given = read.path("directory")
    directory = given or environment.state_directory / "archive"
    archive = Archive(
        directory,
        clock=environment.clock,
        max_file_bytes=read.whole_number("max_file_bytes", _MAX_FILE_BYTES, least=1),
        create_parent=not given,
        scrub_secrets=read.flag("scrub_secrets", default=True),
        upkeep=_upkeep(read, directory, environment),
    )
    read.end()
    if not given or os.path.lexists(directory.parent) or is_hidden(directory.parent):
        archive.check()
    else:
        warn_of_missing(directory.parent, name, environment)
    registry = Registry()
    registry.add(
        archive.write, "*",
        name=name, batch=100, linger_seconds=0.5,
        close=archive.close, check_destination=archive.check_destination,
    )  # fmt: skip
    return registry


def _upkeep(read: Options, directory: Path, environment: HandlerEnvironment) -> Upkeep | None:
    gzip = read.flag("gzip", default=False)
    keep_days, keep_bytes = read.limit("keep_days"), read.limit("keep_bytes")
    if not gzip and keep_days is keep_bytes is None:
        return None
    return Upkeep(
        directory, clock=environment.clock, gzip=gzip, keep_days=keep_days, keep_bytes=keep_bytes
    )
