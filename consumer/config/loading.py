"""From file, environment and command line to checked settings, each with its origin."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pydantic import SecretStr, ValidationError

from consumer.config.case_checks import check_cases
from consumer.config.checks import check_ping, check_settings, check_texts, derived_region
from consumer.config.fields import LISTS, SECRETS, errors_of
from consumer.config.handlers import read_handlers
from consumer.config.layers import (
    HANDLERS,
    Given,
    Layer,
    Sources,
    command_line_layer,
    environment_layer,
    file_layer,
    merge,
    systemd_layer,
)
from consumer.config.models import Settings
from consumer.config.problems import (
    HIDDEN,
    KeyPath,
    Problems,
    dotted,
    has_credentials,
    looks_secret,
)
from consumer.config.secret_file import SYSTEMD_CREDENTIALS, read_secret, why_unreadable
from consumer.config.webhook_checks import check_secret_path, check_webhook
from consumer.config.yaml_file import Document, read_yaml

MASK: Final = "********"
#: How paths begin that are URLs.
_URLS: Final = (("http:",), ("https:",))


@dataclass(frozen=True, slots=True)
class Loaded:
    """The effective settings, where each of them came from, and warnings."""

    settings: Settings
    #: Dotted key -> "default", "FILE:line", "environment NAME" or "command line --option"; for a
    #: secret from a file that file; for a derived region the key or variable that names it.
    origins: Mapping[str, str]
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Effective:
    """One value as plain data, and where it came from."""

    value: Any
    origin: str


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
        environ: CONSUMER_SECTION__KEY, such as CONSUMER_QUEUE__URL; an empty variable counts as not
            set, null or none as null. Also systemd's STATE_DIRECTORY, and AWS's for the region.
        overrides: dotted keys; None counts as not set. `handlers` replaces the file's list.
        require_queue: without queue.url and queue.name it is an error.
        outside_service: a credential of systemd that can't be read now is only a warning.

    Raises: `ConfigurationError`; its text has a line for each error.
    """
    problems = Problems()
    document = read_yaml(path, problems) if path else Document("")
    layers = (
        systemd_layer(environ),
        file_layer(document, problems),
        environment_layer(environ, problems),
        command_line_layer(overrides),
    )
    sources = Sources(document, merge(layers), problems)
    settings = _checked(_read(sources, environ), sources, outside_service=outside_service)
    if require_queue and not problems and not (settings.queue.url or settings.queue.name):
        error = "no queue is given; set queue.url in the file, CONSUMER_QUEUE__URL, or --queue-url"
        problems.add(document.name, "queue", error)
    problems.raise_if_any()
    document.warn_of_readable_secrets(problems)
    origins: dict[str, str] = {}
    _walk(
        settings.model_dump(), (), lambda at, _: origins.setdefault(dotted(at), sources.origin(at))
    )
    return Loaded(settings, origins, tuple(problems.warnings))


def _read(sources: Sources, environ: Mapping[str, str]) -> Settings:
    """The settings that were given, with the region; each value is valid by itself."""
    check_texts(sources)
    tree = sources.tree()
    if HANDLERS in tree:
        tree[HANDLERS] = read_handlers(tree[HANDLERS], sources)
    settings = _validated(tree, sources)
    return _with(settings, derived_region(settings, environ), sources)


def _checked(settings: Settings, sources: Sources, *, outside_service: bool) -> Settings:
    """The settings with the secrets that are in files, and checked together."""
    check_settings(settings, sources)
    check_webhook(settings, sources)
    check_cases(settings.tests, sources)
    secrets = _secret_files(settings, sources, outside_service=outside_service)
    settings = _with(settings, secrets, sources)
    check_ping(settings.ping, sources)
    check_secret_path(settings.webhook, sources)
    return settings


def _validated(tree: dict[str, Any], sources: Sources) -> Settings:
    """The settings; what has an error, which is reported, is left at its defaults."""
    try:
        return Settings.model_validate(tree)
    except ValidationError as error:
        errors = list(errors_of(error))
    for path, text in errors:
        sources.add(path, text)
    faulty = {path[0] for path, _ in errors}
    return _validated({name: tree[name] for name in tree if name not in faulty}, sources)


def _with(settings: Settings, found: Layer, sources: Sources) -> Settings:
    """The settings with values that were found elsewhere."""
    sources.given.update(found)
    for key, given in found.items():
        section, _, name = key.partition(".")
        model = getattr(settings, section).model_copy(update={name: given.value})
        settings = settings.model_copy(update={section: model})
    return settings


def _secret_files(settings: Settings, sources: Sources, *, outside_service: bool) -> Layer:
    """The secrets of all files that are given; errors are reported."""
    secrets: Layer = {}
    for key in SECRETS:
        section, _, name = key.partition(".")
        path: Path | None = getattr(getattr(settings, section), f"{name}_file")
        if path is None:
            continue
        try:
            secrets[key] = Given(SecretStr(read_secret(path)), str(path))
        except OSError as error:
            absent = isinstance(error, FileNotFoundError | PermissionError)
            if outside_service and absent and path.is_relative_to(SYSTEMD_CREDENTIALS):
                text = f"{_named(path)}: can be read only in the running service; not checked"
                sources.warn(f"{key}_file", text)
            else:
                sources.add(
                    f"{key}_file", f"{_named(path)}: can't be read: {why_unreadable(path, error)}"
                )
        except ValueError as error:
            sources.add(f"{key}_file", f"{_named(path)}: {error}")
    return secrets


def _named(path: Path) -> str:
    """The path for an error; what looks like a key or a URL itself is not shown."""
    return HIDDEN if has_credentials(str(path)) or path.parts[:1] in _URLS else str(path)


def effective(loaded: Loaded) -> dict[str, Any]:
    """Every setting as `Effective`, in the shape of the file. A secret that is set is `MASK`."""

    def leaf(path: KeyPath, value: Any) -> Effective:
        return Effective(_masked(value, path), loaded.origins[dotted(path)])

    tree: dict[str, Any] = _walk(loaded.settings.model_dump(mode="json"), (), leaf)
    return tree


def _walk(value: Any, path: KeyPath, leaf: Callable[[KeyPath, Any], Any]) -> Any:
    """The settings in the shape of the file, with what `leaf` makes of each value."""
    if path and path[0] in LISTS and len(path) == 1:
        return [_walk(entry, (*path, index), leaf) for index, entry in enumerate(value)]
    if not isinstance(value, dict) or len(path) > 3:  # below that are values of options
        return leaf(path, value)
    keys = dict(value)
    if path[:1] == (HANDLERS,) and len(path) == 2:
        keys[keys.pop("type")] = keys.pop("options")
    return {key: _walk(inner, (*path, key), leaf) for key, inner in keys.items()}


def _masked(value: Any, path: KeyPath) -> Any:
    if isinstance(value, dict):
        return {key: _masked(item, (*path, key)) for key, item in value.items()}
    if isinstance(value, list):
        return [_masked(item, path) for item in value]
    if value is None or isinstance(value, bool):
        return value
    # Whatever their names: variables of programs are where the README tells users to put secrets.
    is_variable = path[0] == HANDLERS and "environment" in path
    return MASK if is_variable or looks_secret(path) or has_credentials(str(value)) else value
