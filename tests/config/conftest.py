"""Loads a configuration from a text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import pytest

from consumer.config import load
from consumer.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from consumer.config import Loaded


class LoadText(Protocol):
    def __call__(
        self,
        text: str | bytes = "",
        environ: Mapping[str, str] = ...,
        overrides: Mapping[str, Any] = ...,
        **options: bool,
    ) -> Loaded: ...


class FaultsOf(Protocol):
    def __call__(
        self,
        text: str | bytes = "",
        environ: Mapping[str, str] = ...,
        overrides: Mapping[str, Any] = ...,
        **options: bool,
    ) -> list[str]: ...


@pytest.fixture(name="load_text")
def _load_text(tmp_path: Path) -> LoadText:
    def load_text(
        text: str | bytes = "",
        environ: Mapping[str, str] | None = None,
        overrides: Mapping[str, Any] | None = None,
        **options: bool,
    ) -> Loaded:
        file = tmp_path / "config.yaml"
        file.write_bytes(text.encode() if isinstance(text, str) else text)
        file.chmod(0o600)
        return load(file, environ=environ or {}, overrides=overrides or {}, **options)

    return load_text


@pytest.fixture(name="faults_of")
def _faults_of(load_text: LoadText, tmp_path: Path) -> FaultsOf:
    """The lines of the error, the file's path as FILE."""

    def faults_of(
        text: str | bytes = "",
        environ: Mapping[str, str] | None = None,
        overrides: Mapping[str, Any] | None = None,
        **options: bool,
    ) -> list[str]:
        with pytest.raises(ConfigurationError) as caught:
            load_text(text, environ or {}, overrides or {}, **options)
        return str(caught.value).replace(str(tmp_path / "config.yaml"), "FILE").splitlines()

    return faults_of
