"""The python handler: finds a function or a registry, and says what is wrong if it does not."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from consumer.errors import ConfigurationError
from consumer.handlers.loading.environment import HandlerEnvironment
from consumer.handlers.python import factory, load_target
from consumer.testing import ManualClock

if TYPE_CHECKING:
    from collections.abc import Iterator

CLOCK = ManualClock(datetime(2026, 11, 23, tzinfo=UTC))
ENVIRONMENT = HandlerEnvironment(Path("unused"), CLOCK)

SOURCE = """
from consumer.handlers.registering.registry import Registry

def on_grade(event): ...

def on_batch(events, context): ...

class Group:
    on_quiz = staticmethod(on_grade)

registry = Registry()
registry.add(on_grade, "grade_change")
registry.add(on_batch, "*", batch=50)
number = 5
"""


@pytest.fixture(name="folder")
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.syspath_prepend(str(tmp_path))
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        if name.startswith("zz_"):
            del sys.modules[name]


def module(folder: Path, name: str, source: str) -> None:
    (folder / f"{name}.py").write_text(source)


def test_a_function_is_one_handler(folder: Path) -> None:
    """Named as its entry, for every event until the entry narrows it."""
    module(folder, "zz_handlers", SOURCE)

    (handler,) = factory("grades", {"target": "zz_handlers:on_grade"}, ENVIRONMENT).handlers

    assert (handler.name, handler.patterns, handler.batch) == ("grades", ("*",), None)
    assert handler.call is not None


def test_a_function_with_a_batch_size_takes_batches(folder: Path) -> None:
    """The size in the configuration decides which of the two it is."""
    module(folder, "zz_handlers", SOURCE)
    environment = HandlerEnvironment(Path("unused"), CLOCK, batch_size=20)

    (handler,) = factory("store", {"target": "zz_handlers:on_batch"}, environment).handlers

    assert handler.batch == 20
    assert handler.call_batch is not None


def test_a_function_that_says_its_events_gets_only_those(folder: Path) -> None:
    """By the models of its annotation: it is not made for others."""
    module(
        folder,
        "zz_typed",
        "from consumer import Event\n"
        "from consumer.events.catalog import SubmissionCreated, SubmissionUpdated\n"
        "def on_submission(event: Event[SubmissionCreated | SubmissionUpdated]): ...\n"
        "def on_any(event: Event): ...\n",
    )

    (typed,) = factory("a", {"target": "zz_typed:on_submission"}, ENVIRONMENT).handlers
    (untyped,) = factory("b", {"target": "zz_typed:on_any"}, ENVIRONMENT).handlers

    assert typed.patterns == ("submission_created", "submission_updated")
    assert untyped.patterns == ("*",)


def test_a_registry_brings_its_handlers(folder: Path) -> None:
    """Their names begin with that of the entry, so that two registries may use the same ones."""
    module(folder, "zz_handlers", SOURCE)

    registry = factory("mine", {"target": "zz_handlers:registry"}, ENVIRONMENT)

    assert [(h.name, h.patterns) for h in registry.handlers] == [
        ("mine.on_grade", ("grade_change",)),
        ("mine.on_batch", ("*",)),
    ]


def test_an_attribute_may_be_dotted_and_a_module_in_a_package(folder: Path) -> None:
    """As in "package.module:Class.function"."""
    (folder / "zz_package").mkdir()
    module(folder / "zz_package", "__init__", "")
    module(folder / "zz_package", "handlers", SOURCE)

    found = load_target("zz_package.handlers:Group.on_quiz")

    assert found.__name__ == "on_grade"


@pytest.mark.parametrize(
    ("target", "sentence"),
    [
        ("zz_nowhere:f", 'there is no module "zz_nowhere"; is it installed .* current directory'),
        ("zz_nowhere.sub:f", 'there is no module "zz_nowhere"'),
        ("zz_handlers.sub:f", 'there is no module "zz_handlers.sub"'),
        ("zz_handlers:on_grad", 'was imported, but has no "on_grad"; did you mean "on_grade"'),
        ("zz_handlers:Group.on_qiz", 'has no "on_qiz"; did you mean "on_quiz"'),
        ("zz_handlers:zzzzz", 'has no "zzzzz"$'),
        ("zz_handlers", "names no handler: write"),
        ("zz_handlers:", "names no handler"),
        (":f", "names no handler"),
        ("zz_handlers:number", "can't be called"),
        ("zz_handlers:Group", "is a class"),
    ],
)
def test_a_wrong_target_is_told(folder: Path, target: str, sentence: str) -> None:
    """No such module and no such attribute are two sentences, each with a way on."""
    module(folder, "zz_handlers", SOURCE)

    with pytest.raises(ConfigurationError, match=sentence):
        factory("h", {"target": target}, ENVIRONMENT)


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ("import zz_missing_library", r"ModuleNotFoundError: No module named 'zz_missing_library'"),
        ("from json import nothing", "ImportError: cannot import name 'nothing'"),
        ("import zz_broken.deeper", r"ModuleNotFoundError: No module named 'zz_broken\.deeper'"),
        ("def f(:", "SyntaxError: "),
        ("password = 'hunter2'\nraise ValueError(password)", r"failed with ValueError \("),
        ("import sys\nsys.exit('hunter2')", r"failed with SystemExit \("),
    ],
)
def test_a_module_that_fails_is_not_taken_for_a_missing_one(
    folder: Path, source: str, sentence: str
) -> None:
    """The real cause is told and where it is, but no text that may hold a secret."""
    module(folder, "zz_broken", source)

    with pytest.raises(ConfigurationError, match=sentence) as caught:
        factory("h", {"target": "zz_broken:f"}, ENVIRONMENT)

    assert "the module zz_broken is there" in str(caught.value)
    assert "hunter2" not in str(caught.value)
    assert caught.value.__cause__ is not None
    if "SyntaxError" not in sentence:
        assert "zz_broken.py:" in str(caught.value)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({}, 'target must be given: "package.module:function"'),
        ({"target": 5}, "target must be a text"),
        ({"taget": "a:b"}, 'has no option "taget": did you mean "target"|target must be given'),
        ({"target": "a:b", "batch": 5}, 'has no option "batch"'),
    ],
)
def test_wrong_options_are_told(options: dict[str, Any], sentence: str) -> None:
    """With the handler's name and what would be right."""
    with pytest.raises(ConfigurationError, match=f'handler "h".*{sentence}'):
        factory("h", options, ENVIRONMENT)
