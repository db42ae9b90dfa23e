"""How far a replay is done, in a file: so that an interrupted one can be continued."""

import hashlib
import json
import os
import zlib
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from consumer.directories import replace_file
from consumer.errors import EXIT_OUTPUT, ConfigurationError, ConsumerError
from consumer.operations.message_files import Place, first_line_of
from consumer.operations.replay.job import Job
from consumer.operations.replay.source import Input

_VERSION: Final = 1


class PositionError(ConsumerError):
    """The position could not be written."""

    exit_code = EXIT_OUTPUT


class Position:
    """A position file. One thread calls all methods.

    It names each file, without .gz: a file may be compressed between two runs. Of each it has how
    far it is done, and a hash of its first line, by which it is recognised.

    Args:
        what: what is replayed, as plain data: a run with other handlers can't be continued.
        began: when its first run began; "2h" of a filter is before that.

    Raises: `ConfigurationError` for a file that is not one, or is of another replay.
    """

    def __init__(
        self, path: Path, inputs: Iterable[Input], what: Mapping[str, Any], *, began: datetime
    ) -> None:
        self._path = path
        self._what = {"began": began.isoformat(), **what}
        self._saved: dict[str, dict[str, Any]] = {}
        self._hashes: dict[str, str] = {}
        #: Where each file is to be continued.
        self.begins: dict[str, Place] = {}
        if path.exists():
            self._saved = self._read()
        for file in inputs:
            if (saved := self._saved.get(_key(file.name))) is not None:
                self.begins[file.name] = self._checked(file, saved)

    def save(self, done: Mapping[str, Place]) -> None:
        """Write how far each file is done, as a whole. Raises `PositionError`."""
        try:
            for name, place in done.items():
                saved = {"bytes": place.offset, "line": place.line, "first_line": self._hash(name)}
                self._saved[_key(name)] = saved
            data = {"version": _VERSION, "what": self._what, "files": self._saved}
            replace_file(self._path, json.dumps(data, indent=1).encode() + b"\n")
        except OSError as error:
            raise PositionError(
                f"the position could not be written to {self._path}: {error.strerror}"
            ) from None

    def _read(self) -> dict[str, dict[str, Any]]:
        try:
            data = json.loads(self._path.read_text("utf-8"))
            version, what, files = data["version"], data["what"], data["files"]
            is_known = version == _VERSION and isinstance(files, dict)
        except OSError as error:
            raise ConfigurationError(f"{self._path}: can't be read: {error.strerror}") from None
        except (ValueError, KeyError, TypeError):
            is_known = False
        if not is_known:
            raise ConfigurationError(f"{self._path} is not a position file: choose another name")
        for key, value in self._what.items():
            if what.get(key) != value:
                raise ConfigurationError(
                    f"{self._path} belongs to a replay with other {key}: give the same again, or "
                    "choose another position file to start from the beginning"
                )
        return dict(files)

    def _checked(self, file: Input, saved: Mapping[str, Any]) -> Place:
        try:
            place, first = Place(int(saved["bytes"]), int(saved["line"])), str(saved["first_line"])
        except (KeyError, TypeError, ValueError):
            raise ConfigurationError(f"{self._path} is damaged: choose another name") from None
        if not place.offset:
            return place
        fault = ""
        if self._hash(file.name) != first:
            fault = "has another first line"
        elif not file.name.endswith(".gz") and (file.size or 0) < place.offset:
            fault = f"has {file.size} bytes, and {place.offset} of them were done"
        if fault:
            raise ConfigurationError(
                f"{file.name} {fault}: it is not the file of {self._path}; choose another position "
                "file to start from the beginning"
            )
        return place

    def _hash(self, name: str) -> str:
        if name not in self._hashes:
            try:
                first = first_line_of(name).strip()
            except (OSError, EOFError, zlib.error):
                first = b""
            self._hashes[name] = hashlib.sha256(first).hexdigest()
        return self._hashes[name]


def position_of(job: Job) -> Position | None:
    """The position of a job, if it has one. Raises `ConfigurationError`."""
    if job.position is None:
        return None
    return Position(job.position, job.inputs, job.as_data(), began=job.began)


def began_at(path: Path | None) -> datetime | None:
    """When the first run with this position file began; None if there was none."""
    try:
        data = json.loads(path.read_text("utf-8")) if path else None
        return datetime.fromisoformat(data["what"]["began"]) if data else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _key(name: str) -> str:
    return os.path.abspath(name).removesuffix(".gz")  # noqa: PTH100 - as given, links stay
