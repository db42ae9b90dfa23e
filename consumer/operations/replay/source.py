"""The messages in all files of a replay, in order, each with its place."""

import os
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

from consumer.errors import ConfigurationError, DecodeError
from consumer.handlers.records import alone
from consumer.messages import ARCHIVED_KEY, ReceivedMessage
from consumer.operations.decoding import Decoding
from consumer.operations.message_files import BEGIN, Piece, Place, files_in, pieces_of
from consumer.operations.payloads import is_whole, messages_in
from consumer.operations.replay.choice import Choice

#: A message id that was read among so many before gets a suffix: it must identify one message.
_REMEMBERED: Final = 20_000


class Found(NamedTuple):
    """A message to be handled."""

    message: ReceivedMessage
    file: str
    #: The beginning of the piece that it is in: a run that is continued begins there.
    begin: Place


@dataclass(frozen=True, slots=True)
class Input:
    """A file, or standard input ("-")."""

    name: str
    #: Bytes when the replay began; None if that is not known.
    size: int | None


def inputs_of(names: Sequence[str], *, without: Collection[Path | None] = ()) -> list[Input]:
    """The files of a replay, each once, those of a directory in the order of time.

    Args:
        without: files in these directories that the replay itself writes.

    Raises `ConfigurationError` for what can't be read.
    """
    found: dict[str, Input] = {}
    own = {path.resolve() for path in without if path is not None}
    for name in names:
        if name == "-":
            found[name] = Input(name, None)
            continue
        try:
            path = Path(name)
            files = [path]
            if path.is_dir():
                files = [file for file in files_in(path) if file.resolve() not in own]
            if not files:
                raise ConfigurationError(f"{name}: there is no .jsonl or .json file in it")
            for file in files:
                found.setdefault(str(file.resolve()), Input(str(file), _size_of(file)))
        except OSError as error:
            place = error.filename or name
            raise ConfigurationError(f"{place}: can't be read: {error.strerror}") from None
        except ValueError:
            raise ConfigurationError(f"{name!r} is not a file name") from None
    return list(found.values())


def _size_of(file: Path) -> int | None:
    size = file.stat().st_size
    if not file.is_file():
        return None  # a pipe, which can be opened only once
    file.open("rb").close()
    return size


class Source:
    """Reads one file after the other; one thread iterates.

    Args:
        fault: called with the file and with what can't be read in it.
        note: likewise, about what is no failure.
    """

    def __init__(
        self,
        inputs: Sequence[Input],
        choice: Choice,
        *,
        decoding: Decoding,
        begins: Mapping[str, Place],
        fault: Callable[[str, str], None],
        note: Callable[[str, str], None],
    ) -> None:
        self._inputs = inputs
        self._choice = choice
        self._decoding = decoding
        self._fault = fault
        self._note = note
        self._seen: OrderedDict[str, int] = OrderedDict()
        #: How far each file was read: everything before is found or skipped.
        self.read_to: dict[str, Place] = dict(begins)
        self._bytes_of_others = 0
        self._bytes = 0
        #: Of the files, as far as it is known, what an earlier run has done.
        self.bytes_before = sum(
            begins[file.name].offset
            for file in inputs
            if file.name in begins and not file.name.endswith(".gz")
        )
        #: Of all files together, and None if that is not known.
        self.total_bytes: int | None = None
        if all(file.size is not None for file in inputs):
            self.total_bytes = sum(file.size or 0 for file in inputs)

    @property
    def bytes_read(self) -> int:
        """How much of the files was read so far."""
        return self._bytes_of_others + self._bytes

    def __iter__(self) -> Iterator[Found | int]:
        """Each message that is chosen; and for others, how many they are."""
        for file in self._inputs:
            self._bytes = 0
            for piece in self._pieces(file):
                if _is_torn(piece):
                    place = f"{file.name}:{piece.begin.line}"
                    self._note(place, "the last line is cut off, and skipped")
                    break  # it is the last one, and may be complete at the next run
                yield from self._in_piece(file.name, piece)
                self.read_to[file.name] = piece.end
            self._bytes_of_others += file.size if file.size is not None else self._bytes
        self._bytes = 0

    def _pieces(self, file: Input) -> Iterator[Piece]:
        def consumed(count: int) -> None:
            self._bytes = count

        yield from pieces_of(
            file.name,
            partial(self._fault, file.name),
            nothing=partial(self._note, file.name),
            begin=self.read_to.get(file.name, BEGIN),
            limit=file.size,
            consumed=consumed,
        )

    def _in_piece(self, file: str, piece: Piece) -> Iterator[Found | int]:
        for number, message in enumerate(messages_in(piece.text), start=1):
            chosen = self._chosen(message)
            if not chosen:
                yield 1
            for each in chosen:
                named = self._named(each, file, piece.begin.line, number)
                yield Found(named, file, piece.begin)

    def _chosen(self, message: ReceivedMessage) -> list[ReceivedMessage]:
        """The message, if all of its events are chosen; else one for each event that is."""
        choice = self._choice
        if choice.is_everything:
            return [message]
        if (archived := choice.takes_archived(message)) is not None:
            return [message] if archived else []
        try:
            events = self._decoding.events(message)
        except DecodeError:
            return [message]  # it is reported as what it is
        chosen = [event for event in events if choice.takes(event)]
        if len(chosen) == len(events):
            return [message]
        return [
            replace(
                message,
                body=alone(event),
                attributes={**message.attributes, ARCHIVED_KEY: event.key},  # it is not signed now
                message_attributes={**message.message_attributes, "event_name": event.name},
            )
            for event in chosen
        ]

    def _named(self, message: ReceivedMessage, file: str, line: int, n: int) -> ReceivedMessage:
        """With an id of its own: the engine takes an id that it holds for the same message."""
        message_id = message.message_id
        if not message_id:
            message_id = f"{os.path.basename(file)}:{line}" + (f":{n}" if n > 1 else "")  # noqa: PTH119
        times = self._seen.pop(message_id, 0) + 1
        self._seen[message_id] = times
        if len(self._seen) > _REMEMBERED:
            self._seen.popitem(last=False)
        if times > 1:
            message_id = f"{message_id}#{times}"
        if message_id == message.message_id:
            return message
        return replace(message, message_id=message_id)


def _is_torn(piece: Piece) -> bool:
    """True for a last line that a program is still writing, or that a crash has cut off."""
    return piece.text[:1] == "{" and piece.text[-1:] != "\n" and not is_whole(piece.text)
