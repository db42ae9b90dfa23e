"""What a factory of handlers gets: its options, and the environment."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import structlog

from consumer import log_events
from consumer.clock import Clock, SystemClock
from consumer.config import QueueSettings
from consumer.config.secret_file import read_secret, why_unreadable
from consumer.config.urls import split_url
from consumer.did_you_mean import did_you_mean
from consumer.errors import ConfigurationError
from consumer.handlers.registering.registry import Registry

_log = structlog.get_logger(__name__)


def log_warning(sentence: str) -> None:
    """Log a warning about what is allowed, but probably not meant."""
    _log.warning(log_events.CONFIG_WARNING, reason=sentence)


def no_aws(service: str, **_: Any) -> Any:
    """In place of `HandlerEnvironment.aws_client` where there is none."""
    raise ConfigurationError(f"there is no AWS client for {service} here")


@dataclass(frozen=True, slots=True)
class HandlerEnvironment:
    """What a factory gets in addition to the options of its entry."""

    #: Where a handler may keep its files; may not exist yet.
    state_directory: Path
    clock: Clock = field(default_factory=SystemClock)
    #: The configured batch size, if any: for a factory that can register either kind.
    batch_size: int | None = None
    #: True if the configuration names the events, even if only as "*".
    names_events: bool = False
    #: A client of botocore with the daemon's identity, which makes each call once:
    #: `aws_client("s3", region=None, endpoint_url=None)`. Looks for credentials, which may take
    #: long: not before the first event. Raises `ConsumerError`.
    aws_client: Callable[..., Any] = no_aws
    #: The queue that the events come from: a handler must not send them there again.
    queue: QueueSettings = field(default_factory=QueueSettings)
    #: Called with a sentence about what is allowed, but probably not meant.
    warn: Callable[[str], None] = log_warning


def warn_of_missing(directory: Path, name: str, environment: HandlerEnvironment) -> None:
    """Warn that the directory of handler `name` is missing.

    It is no error: it may be a mount that comes later. Until then the events stay in the queue.
    """
    environment.warn(
        f'handler "{name}": the directory {directory} does not exist; it is not created, and no '
        "event can land until it is there"
    )


#: A factory makes the handlers of one entry of the configuration. Other packages provide theirs as
#: entry points of the group `canvas_live_events.handlers`; the name of the entry point is the type
#: in the configuration:
#:
#:     def factory(name, options, environment):
#:         registry = Registry()
#:         registry.add(Sink(options["bucket"]).store, "*", name=name, batch=100)
#:         return registry
#:
#: `name` is the entry's; of several handlers, each is named `f"{name}.…"`. `options` is the mapping
#: under the type, unchecked; `Options` checks it. The factory registers for all events that it can
#: handle; events, format and limits of the entry are applied to that. It is called in the main
#: thread before the first receive; and at each reload in another one, while the handlers that it
#: made before still run. What these hold open, such as a lock, must be opened with the first event.
#: It raises ConfigurationError.
Factory = Callable[[str, Mapping[str, Any], HandlerEnvironment], Registry]


class Options:
    """Reads the mapping under a handler's type, key by key; `end` refuses all other keys.

    A key that is missing or null has its default. Every method raises ConfigurationError with the
    handler, the key and what is allowed; never with a value, which may be a password.
    """

    def __init__(self, name: str, options: Mapping[str, Any]) -> None:
        self.name = name
        self._options = options
        self._known: set[str] = set()

    def text(self, key: str, default: str | None = None) -> str | None:
        """A text that is not blank."""
        value = self._value(key, default)
        if value is not None and (not isinstance(value, str) or not value.strip()):
            raise self.wrong(key, "a text that is not blank")
        return value

    def path(self, key: str) -> Path | None:
        """A path as it is: "~" and variables would be names of directories."""
        value = self.text(key)
        if value is not None and value[0] in "~$":
            raise self.wrong(key, "a whole path; nothing in it is expanded")
        return None if value is None else Path(value)

    def choice(self, key: str, default: str, *, of: Sequence[str]) -> str:
        """One of these words."""
        value = self._value(key, default)
        if value not in of:
            raise self.wrong(key, f"one of {', '.join(of)}")
        return str(value)

    def url(self, key: str) -> str | None:
        """An http or https URL without a user name or password; both may be secrets."""
        value = self.text(key)
        parts = None if value is None else split_url(value)
        if value is not None and (parts is None or parts.username is not None):
            raise self.wrong(key, "an http or https URL, without a user name or password")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of texts, or one; empty by default."""
        value = self._value(key, ())
        found = (value,) if isinstance(value, str) else value
        if not isinstance(found, list | tuple) or not all(isinstance(t, str) and t for t in found):
            raise self.wrong(key, "a list of texts")
        return tuple(found)

    def any(self, key: str) -> Any:
        """Whatever is there, unchecked; None by default."""
        return self._value(key, None)

    def mapping(self, key: str) -> Mapping[str, Any]:
        """A mapping with texts as its keys; empty by default."""
        value = self._value(key, {})
        if not isinstance(value, Mapping) or not all(isinstance(name, str) for name in value):
            raise self.wrong(key, "a mapping")
        return value

    def secret(self, key: str) -> str | None:
        """A secret: the text of the key, or the content of the file named by `KEY_file`."""
        given, file = self.text(key), self.path(f"{key}_file")
        if given is not None and file is not None:
            raise self.wrong(key, f"left out, because {key}_file is given, too")
        if file is None:
            return given
        try:
            return read_secret(file)
        except OSError as error:
            reason = why_unreadable(file, error)
            raise self.wrong(f"{key}_file", f"a file that can be read ({reason})") from None
        except ValueError as error:
            raise self.wrong(f"{key}_file", f"a file with one secret; this one {error}") from None

    def number(self, key: str, default: float, *, least: float, most: float) -> float:
        """A number from `least` to `most`."""
        value = self._value(key, default)
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not number or not least <= value <= most:
            raise self.wrong(key, f"a number from {least:g} to {most:g}")
        return float(value)

    def whole_number(self, key: str, default: int, *, least: int) -> int:
        """A whole number from `least`."""
        value = self._value(key, default)
        if not isinstance(value, int) or isinstance(value, bool) or value < least:
            raise self.wrong(key, f"a whole number from {least}")
        return value

    def limit(self, key: str) -> int | None:
        """A whole number from 1; None, the default, for no limit."""
        return None if self._value(key, None) is None else self.whole_number(key, 0, least=1)

    def flag(self, key: str, *, default: bool) -> bool:
        """True or false."""
        value = self._value(key, default)
        if not isinstance(value, bool):
            raise self.wrong(key, "true or false")
        return value

    def end(self) -> None:
        """Called after the last key was read: refuse every other key."""
        for key in self._options:
            if key not in self._known:
                known = ", ".join(sorted(self._known)) or "none"
                hint = did_you_mean(str(key), self._known) or f"it has {known}"
                raise ConfigurationError(f'handler "{self.name}" has no option "{key}": {hint}')

    def wrong(self, key: str, right: str) -> ConfigurationError:
        """The error to raise for the value of this key."""
        return ConfigurationError(f'handler "{self.name}": {key} must be {right}')

    def _value(self, key: str, default: Any) -> Any:
        self._known.add(key)
        value = self._options.get(key)
        return default if value is None else value
