"""Which handlers a command runs: those of the configuration, or the ones that were chosen."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from consumer.config import HandlerSettings, Loaded, load
from consumer.errors import ConfigurationError
from consumer.handlers.loading.loader import parse_handler_spec, parse_handler_specs


def load_selected(
    path: Path | None,
    specs: Sequence[str],
    *,
    environ: Mapping[str, str],
    overrides: Mapping[str, Any],
    outside_service: bool = False,
) -> Loaded:
    """The configuration, with the handlers that `specs` choose; without specs with all of its own.

    A spec that is the name of a configured handler means that one. Any other is read as the
    daemon reads `--handler`. Raises `ConfigurationError`.
    """
    loaded = load(path, environ=environ, overrides=overrides, outside_service=outside_service)
    if not specs:
        return loaded
    configured = {handler.name: handler for handler in loaded.settings.handlers}
    others = [spec for spec in specs if spec not in configured]
    for spec in others:
        _check(spec, configured)
    made: Sequence[HandlerSettings] = ()
    if others:
        entries = {"handlers": parse_handler_specs(others)}
        with_others = load(
            path, environ=environ, overrides={**overrides, **entries},
            outside_service=outside_service,
        )  # fmt: skip
        made = with_others.settings.handlers
    chosen = [configured[spec] for spec in dict.fromkeys(specs) if spec in configured]
    handlers = (*chosen, *made)
    return replace(loaded, settings=loaded.settings.model_copy(update={"handlers": handlers}))


def _check(spec: str, configured: Mapping[str, HandlerSettings]) -> None:
    try:
        parse_handler_spec(spec)
    except ConfigurationError as error:
        names = ", ".join(configured)
        hint = f"; or the name of a configured handler: {names}" if names else ""
        raise ConfigurationError(f"{error}{hint}") from None
