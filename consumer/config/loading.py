"""Puts the layers together: defaults, file, environment, command line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from consumer.config.models import Settings

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Loaded:
    """The effective settings, where each of them came from, and what to be warned of."""

    settings: Settings
    #: Dotted key -> "default", "FILE:line", "environment NAME" or "command line --option".
    origins: Mapping[str, str]
    warnings: tuple[str, ...]


def load(
    path: Path | None,
    *,
    environ: Mapping[str, str],
    overrides: Mapping[str, Any],
    require_queue: bool = False,
) -> Loaded:
    return Loaded(Settings(), {}, ())
