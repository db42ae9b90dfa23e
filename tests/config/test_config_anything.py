"""Any content of file and environment is settings, or an error in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from consumer.config import HandlerSettings, effective, load
from consumer.config.fields import FIELDS, SECTIONS
from consumer.config.layers import variable_of
from consumer.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path

_WORDS = (
    st.sampled_from([
        *SECTIONS, *(key.rpartition(".")[2] for key in FIELDS), *HandlerSettings.model_fields,
        "handlers", "archive", "log", "python", "*", "auto", "canvas-live-events", "${X}", "~",
        "https://sqs.us-east-1.amazonaws.com/123456789012/canvas-live-events",
    ])
    | st.text(max_size=12)
)  # fmt: skip
_SCALARS = (
    _WORDS | st.none() | st.booleans() | st.integers() | st.floats() | st.dates() | st.binary()
)
_VALUES: st.SearchStrategy[Any] = st.recursive(
    _SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(_WORDS | st.integers(), inner, max_size=4)
    ),
    max_leaves=12,
)
_FILES = (
    st.text() | st.dictionaries(_WORDS, _VALUES, max_size=5).map(yaml.safe_dump)
    | st.dictionaries(
        st.sampled_from([*SECTIONS, "handlers"]),
        st.dictionaries(_WORDS, _SCALARS, max_size=5)
        | st.lists(st.dictionaries(_WORDS, _VALUES, max_size=4), max_size=3),
    ).map(yaml.safe_dump)
)  # fmt: skip
_ENVIRONMENTS = st.dictionaries(
    st.sampled_from([variable_of(key) for key in FIELDS]) | st.text().map("CONSUMER_{}".format),
    _WORDS | st.integers().map(str),
    max_size=3,
)


@given(text=_FILES, environ=_ENVIRONMENTS)
@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_anything_is_settings_or_a_configuration_error(
    tmp_path: Path, text: str, environ: dict[str, str]
) -> None:
    """No input makes another exception, and each fault is one line."""
    file = tmp_path / "config.yaml"
    file.write_bytes(text.encode("utf-8", "surrogatepass"))

    try:
        faults = "" if effective(load(file, environ=environ, overrides={})) else "nothing loaded"
    except ConfigurationError as error:
        faults = str(error)

    assert all(": " in line for line in faults.splitlines())
