"""Puts the layers together: defaults, file, environment, command line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar

from consumer.config.checks import (
    check_aws,
    check_engine,
    check_quarantine,
    check_queue,
    check_region,
    check_texts,
    derived_region,
)
from consumer.config.credentials import read_secret_files, warn_of_readable_secrets
from consumer.config.fields import FIELDS, SECRETS, SINGLE
from consumer.config.handlers import read_handlers
from consumer.config.layers import (
    HANDLERS,
    Given,
    command_line_layer,
    environment_layer,
    file_layer,
    merge,
)
from consumer.config.models import (
    AwsSettings,
    EngineSettings,
    HandlerSettings,
    LoggingSettings,
    QuarantineSettings,
    QueueSettings,
    RetryKeys,
    Section,
    Settings,
)
from consumer.config.problems import Problems, dotted
from consumer.config.validation import validate
from consumer.config.yaml_file import Document, read_yaml

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from consumer.config.layers import Layer
    from consumer.config.problems import KeyPath

_S = TypeVar("_S", bound=Section)
DEFAULT: Final = "default"


@dataclass(frozen=True, slots=True)
class Loaded:
    """The effective settings, where each of them came from, and what to be warned of."""

    settings: Settings
    #: Dotted key -> "default", "FILE:line", "environment NAME" or "command line --option"; for a
    #: secret from a file, that file; for a region that is not set what says it instead, such as
    #: "queue.url" or "environment AWS_REGION".
    origins: Mapping[str, str]
    warnings: tuple[str, ...]


def load(
    path: Path | None,
    *,
    environ: Mapping[str, str],
    overrides: Mapping[str, Any],
    require_queue: bool = False,
    outside_service: bool = False,
) -> Loaded:
    """Load the configuration: defaults < file < environment < command line.

    Args:
        path: the YAML file; None for none.
        environ: CONSUMER_SECTION__KEY, such as CONSUMER_QUEUE__URL or CONSUMER_STATE_DIRECTORY;
            an empty variable counts as not set, null or none as null. Handlers can't be set there.
            $STATE_DIRECTORY (systemd's) is the default of state_directory. Without aws.region and
            a region in the URL, AWS_REGION counts, then AWS_DEFAULT_REGION.
        overrides: dotted keys; None counts as not set. `handlers` is a list of entries and
            replaces the file's.
        require_queue: without queue.url and queue.name it is an error.
        outside_service: a credential of systemd that can't be read now is only a warning.

    Raises: `ConfigurationError`; its text has a line for each fault.
    """
    problems = Problems()
    document = read_yaml(path, problems) if path else Document("")
    given = merge(
        (
            _state_directory_layer(environ),
            file_layer(document, problems),
            environment_layer(environ, problems),
            command_line_layer(overrides, problems),
        )
    )
    loading = _Loading(document, given, problems)
    check_texts(given, problems)
    settings = loading.settings(environ, outside_service=outside_service)
    queue_given = any(loading.is_given(key) for key in ("queue.url", "queue.name"))
    if require_queue and not queue_given and not problems:
        fault = "no queue is given; set queue.url in the file, CONSUMER_QUEUE__URL, or --queue-url"
        problems.add(document.name, "queue", fault)
    problems.raise_if_any()
    warn_of_readable_secrets(document, problems)
    return Loaded(settings, loading.origins(settings), tuple(problems.warnings))


def _state_directory_layer(environ: Mapping[str, str]) -> Layer:
    # systemd gives several, separated by colons, if the unit names several.
    first = environ.get("STATE_DIRECTORY", "").split(":")[0]
    key = "state_directory"
    return {key: Given(first, "environment STATE_DIRECTORY")} if first else {}


class _Loading:
    """From merged raw values to settings, with what was derived on the way."""

    def __init__(self, document: Document, given: Layer, problems: Problems) -> None:
        self._document = document
        self._given = given
        self._problems = problems
        self._derived: dict[str, str] = {}

    def is_given(self, key: str) -> bool:
        return key in self._given and self._given[key].value is not None

    def where(self, key: str) -> str:
        """Who gave the value of a dotted key; the file itself for a default."""
        return self._given[key].origin if key in self._given else self._document.name

    def _where_path(self, path: KeyPath) -> str:
        if path[0] == HANDLERS and HANDLERS in self._given:
            from_file = self._given[HANDLERS].origin == self._document.where((HANDLERS,))
            return self._document.where(path) if from_file else self._given[HANDLERS].origin
        return self.where(dotted(path[:2]))

    def settings(self, environ: Mapping[str, str], *, outside_service: bool) -> Settings:
        """The settings; whatever is faulty in them has been told, and stands at its default."""
        problems = self._problems
        queue = self._section("queue", QueueSettings)
        aws = self._section("aws", AwsSettings)
        engine = self._section("engine", EngineSettings)
        quarantine = self._section("quarantine", QuarantineSettings)
        logging = self._section("logging", LoggingSettings)
        if queue:
            check_queue(queue, self.where, problems)
        if quarantine:
            check_quarantine(quarantine, queue or QueueSettings(), self.where, problems)
        if engine:
            check_engine(engine, self.where, problems)
        if aws:
            check_aws(aws, self._given, self.where, problems)
            aws = read_secret_files(aws, self.where, problems, outside_service=outside_service)
        if queue and aws:
            derived = derived_region(queue, aws, environ)
            check_region(queue, aws, self._given, self.where, problems, derived=derived)
            if derived and not aws.region:
                self._derived["aws.region"] = derived.origin
                aws = aws.model_copy(update={"region": derived.value})
        handlers = self._given.get(HANDLERS)
        return Settings(
            queue=queue or QueueSettings(),
            aws=aws or AwsSettings(),
            engine=engine or EngineSettings(),
            handlers=read_handlers(handlers.value, self._where_path, problems) if handlers else (),
            quarantine=quarantine or QuarantineSettings(),
            logging=logging or LoggingSettings(),
            **self._single(),
        )

    def _section(self, name: str, model: type[_S]) -> _S | None:
        raw = {
            key: self._given[f"{name}.{key}"].value
            for key in model.model_fields
            if f"{name}.{key}" in self._given
        }
        return validate(model, raw, (name,), self._where_path, self._problems)

    def _single(self) -> dict[str, Any]:
        """The keys that stand in no section."""
        raw = {key: self._given[key].value for key in SINGLE if key in self._given}
        made = validate(Settings, raw, (), self._where_path, self._problems) or Settings()
        return {key: getattr(made, key) for key in SINGLE}

    def origins(self, settings: Settings) -> dict[str, str]:
        """Dotted key -> where its effective value came from."""
        origins = {
            key: self._given[key].origin if key in self._given else DEFAULT for key in FIELDS
        }
        origins.update(self._derived)
        for key in SECRETS:
            if self.is_given(f"{key}_file"):
                origins[key] = str(self._given[f"{key}_file"].value)
        for index, handler in enumerate(settings.handlers):
            origins.update(self._handler_origins(index, handler))
        return origins

    def _handler_origins(self, index: int, handler: HandlerSettings) -> dict[str, str]:
        entry = self._given[HANDLERS].value[index]
        given = entry if isinstance(entry, dict) else handler.model_dump(exclude_unset=True)
        keys: list[tuple[str, ...]] = [(key,) for key in type(handler).model_fields]
        keys += [(handler.type, option) for option in handler.options]
        if handler.retry:
            keys += [("retry", key) for key in RetryKeys.model_fields]
        origins = {}
        for inner in keys:
            path: KeyPath = ("handlers", index, *inner)
            first = given.get(inner[0])
            set_here = inner[0] in given or inner[0] in ("type", "options", handler.type)
            if inner[0] == "retry" and len(inner) > 1 and isinstance(first, dict):
                set_here = inner[1] in first
            origins[dotted(path)] = self._where_path(path) if set_here else DEFAULT
        return origins
