"""The python handler: finds a function or a registry, or says what is wrong."""

from __future__ import annotations

import importlib
import shutil
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from consumer.errors import ConfigurationError
from consumer.handlers.loading.factories import HandlerEnvironment
from consumer.handlers.python import factory, load_target
from consumer.messages import Context
from consumer.testing import ManualClock, make_event
from tests.cases import for_each

if TYPE_CHECKING:
    from collections.abc import Iterator

CLOCK = ManualClock(datetime(2026, 11, 23, tzinfo=UTC))
WARNINGS: list[str] = []
ENVIRONMENT = HandlerEnvironment(Path("unused"), CLOCK, warn=WARNINGS.append)

SOURCE = """
from consumer.handlers.registering.registry import Registry

def on_grade(event): ...

def on_any(event): ...

def on_many(events, context): ...

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
    WARNINGS.clear()
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        if name.startswith("zz_"):
            del sys.modules[name]


def module(folder: Path, name: str, source: str) -> None:
    (folder / f"{name}.py").write_text(source)


def test_a_function_is_one_handler(folder: Path) -> None:
    """Named as its entry, for every event, which draws a warning that says how to narrow it."""
    module(folder, "zz_handlers", SOURCE)

    (handler,) = factory("grades", {"target": "zz_handlers:on_any"}, ENVIRONMENT).handlers
    (again,) = factory("twice", {"target": "zz_handlers:on_any"}, ENVIRONMENT).handlers

    assert (handler.name, handler.patterns, handler.batch) == ("grades", ("*",), None)
    assert handler.call is not None
    assert again.name == "twice"
    (warning, _) = WARNINGS
    assert warning.startswith('handler "grades" gets every event, because zz_handlers:on_any does')


def test_a_function_for_which_the_events_are_named_draws_no_warning(folder: Path) -> None:
    """Also if they are all: then the user said so."""
    module(folder, "zz_handlers", SOURCE)

    factory("a", {"target": "zz_handlers:on_any"}, replace(ENVIRONMENT, names_events=True))

    assert WARNINGS == []


def test_a_registered_function_is_what_it_is_registered_as(folder: Path) -> None:
    """Its events, its limits and the registry's middleware hold, however it is reached."""
    module(
        folder,
        "zz_app",
        "import functools\n"
        "from consumer import Registry\n"
        "seen = []\n"
        "class App:\n"
        "    registry = Registry()\n"
        "def logged(function):\n"
        "    @functools.wraps(function)\n"
        "    def wrapper(event): function(event)\n"
        "    return wrapper\n"
        "@App.registry.use\n"
        "def middleware(event, context, call_next):\n"
        "    seen.append(context.handler)\n"
        "    call_next(event, context)\n"
        "@App.registry.on('grade_change', 'submission_*', concurrency=1, format='canvas')\n"
        "def on_grade(event): ...\n"
        "@logged\n"
        "@App.registry.on('quiz_*')\n"
        "def outside(event): ...\n"
        "@App.registry.on('user_*')\n"
        "@logged\n"
        "def inside(event): ...\n"
        "class Grader:\n"
        "    def grade(self, event): ...\n"
        "    def __call__(self, event): ...\n"
        "grader = Grader()\n"
        "other = Grader()\n"
        "App.registry.add(grader.grade, 'grade_override')\n"
        "nearby = Registry()\n"
        "nearby.add(grader, 'course_*')\n",
    )
    module(folder, "zz_main", "from zz_app import on_grade\n")

    found = {
        target: factory("h", {"target": target}, ENVIRONMENT).handlers
        for target in (
            "zz_main:on_grade", "zz_app:outside", "zz_app:inside", "zz_app:grader.grade",
            "zz_app:grader", "zz_app:other.grade",
        )
    }  # fmt: skip

    assert {
        target: [(h.name, h.patterns) for h in handlers] for target, handlers in found.items()
    } == {
        "zz_main:on_grade": [("h", ("grade_change", "submission_*"))],
        "zz_app:outside": [("h", ("quiz_*",))],
        "zz_app:inside": [("h", ("user_*",))],
        "zz_app:grader.grade": [("h", ("grade_override",))],
        "zz_app:grader": [("h", ("course_*",))],
        "zz_app:other.grade": [("h", ("*",))],
    }
    (handler,) = found["zz_main:on_grade"]
    assert (handler.concurrency, handler.format) == (1, "canvas")
    assert handler.call is not None
    handler.call(make_event(), Context(handler="h", message_ids=("m",)))
    assert sys.modules["zz_app"].seen == ["h"]
    assert len(WARNINGS) == 1


def test_a_function_that_is_registered_twice_is_two_handlers(folder: Path) -> None:
    """Each with its own events."""
    module(
        folder,
        "zz_twice",
        "from consumer import Registry\n"
        "registry = Registry()\n"
        "@registry.on('a', name='one')\n"
        "@registry.on('b', name='two')\n"
        "def f(event): ...\n",
    )

    handlers = factory("h", {"target": "zz_twice:f"}, ENVIRONMENT).handlers

    assert [(h.name, h.patterns) for h in handlers] == [("h.two", ("b",)), ("h.one", ("a",))]


def test_a_function_with_a_batch_size_takes_batches(folder: Path) -> None:
    """The size in the configuration decides which of the two it is."""
    module(folder, "zz_handlers", SOURCE)
    environment = replace(ENVIRONMENT, batch_size=20)

    (handler,) = factory("store", {"target": "zz_handlers:on_many"}, environment).handlers

    assert handler.batch == 20
    assert handler.call_batch is not None


def test_a_function_that_says_its_events_gets_only_those(folder: Path) -> None:
    """By the models in its annotation."""
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
        ("../zz_handlers:f", "names no handler"),
        ("zz_handlers:number", "can't be called"),
        ("zz_handlers:Group", "is a class"),
    ],
)
def test_a_wrong_target_is_an_error(folder: Path, target: str, sentence: str) -> None:
    """A missing module and a missing attribute are two sentences, each with a remedy."""
    module(folder, "zz_handlers", SOURCE)

    with pytest.raises(ConfigurationError, match=sentence):
        factory("h", {"target": target}, ENVIRONMENT)


NO_HANDLERS = """
import functools, json, logging, queue
import consumer
from consumer import Registry, local_id
from consumer.testing import make_event

registry = Registry()
on, late = registry.on, registry.on("grade_change")
partial = functools.partial(registry.on, "x")
number, nothing = 5, None
events = queue.Queue()
log = logging.getLogger()
collected = []
def later(): ...
class Grader:
    def grade(self, event): ...
"""


@for_each(
    "attribute, sentence",
    [
        ("registry.on", 'method of a registry: .* did you mean "zz_none:registry"'),
        ("registry.add", "method of a registry"),
        ("registry.use", "method of a registry"),
        ("on", "method of a registry"),
        ("partial", "method of a registry"),
        ("late", "a part of this package, not a handler"),
        ("Registry.on", "a part of this package"),
        ("local_id", "a part of this package"),
        ("make_event", "a part of this package"),
        ("print", "has no"),
        ("json.dumps", "a part of Python itself, not a handler"),
        ("log.info", "a part of Python itself"),
        ("events.put", "a part of Python itself"),
        ("collected.append", "a part of Python itself"),
        ("json", "is a module: name a function or registry in it; did you mean"),
        ("consumer", "is a module"),
        ("Registry", "is a class"),
        ("Grader", "is a class"),
        ("Grader.grade", r"is a method without its object: .* \(.*zz_none.py:16\)"),
        ("number", "can't be called"),
        ("nothing", "can't be called"),
        ("registry.handlers", "can't be called"),
        ("later", r"must accept \(event\) .* \(.*zz_none.py:14\)"),
    ],
)
def test_what_is_not_a_handler_is_refused(folder: Path, attribute: str, sentence: str) -> None:
    """It could be called with every event, and would do nothing with it."""
    module(folder, "zz_none", NO_HANDLERS)

    with pytest.raises(ConfigurationError, match=sentence):
        factory("h", {"target": f"zz_none:{attribute}"}, ENVIRONMENT)


BUILDING = "from consumer import Registry\nregistry = Registry()\n"


@for_each(
    "source, sentence, line",
    [
        ("@registry.on('x')\nasync def f(event): ...\n", "handler 'f' is async", 3),
        ("@registry.on('x')\ndef f(event): yield\n", "handler 'f' is a generator", 3),
        ("@registry.on('x')\ndef f(a, b, c): ...\n", "but has 3 parameters", 3),
        ("@registry.on\ndef f(event): ...\n", "names no event", 3),
        ("@registry.on()\ndef f(event): ...\n", "names no event", 3),
        ("class C:\n  @registry.on('x')\n  def f(self, event): ...\n", "without its object", 4),
        ("def f(e): ...\nregistry.add(f, 'x', bach=1)\n", "did you mean", 4),
        ("def f(e): ...\nfor _ in '12':\n  registry.add(f, 'x')\n", "two handlers are named", 5),
        ("import zz_deeper\n", "handler 'g' is async", 0),
    ],
)
def test_our_own_sentence_comes_with_the_users_line(
    folder: Path, monkeypatch: pytest.MonkeyPatch, source: str, sentence: str, line: int
) -> None:
    """The error says what is registered wrongly, and where in the user's file."""
    monkeypatch.chdir(folder)
    sys.modules.pop("zz_wrong", None)
    importlib.invalidate_caches()
    shutil.rmtree(folder / "__pycache__", ignore_errors=True)
    module(folder, "zz_wrong", BUILDING + source)
    module(folder, "zz_deeper", f"{BUILDING}\n@registry.on('x')\nasync def g(event): ...\n")

    with pytest.raises(ConfigurationError) as caught:
        factory("h", {"target": "zz_wrong:registry"}, ENVIRONMENT)

    text = str(caught.value)
    assert text.startswith('"zz_wrong:registry": ')
    assert sentence in text
    assert text.endswith(f" (zz_wrong.py:{line})" if line else " (zz_deeper.py:4)")
    assert "failed with" not in text


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ("import zz_missing_library", r"ModuleNotFoundError: No module named 'zz_missing_library'"),
        ("from json import nothing", "ImportError: cannot import name 'nothing'"),
        ("import zz_broken.deeper", r"ModuleNotFoundError: No module named 'zz_broken\.deeper'"),
        ("def f(:", "SyntaxError: "),
        (
            "import os\nos.environ['ZZ_DATABASE_URL']",
            r"KeyError: the environment variable 'ZZ_DATABASE_URL' is not set \(.*zz_broken.py:2\)",
        ),
        ("{}['setting']", r"KeyError: 'setting' \("),
        ("nmae", "NameError: name 'nmae' is not defined"),
        ("import json\njson.lods('')", "AttributeError: module 'json' has no attribute 'lods'"),
        ("password = 'hunter2'\nraise ValueError(password)", r"failed with ValueError \("),
        ("import sys\nsys.exit('hunter2')", r"failed with SystemExit \("),
        ("class Odd(BaseException): ...\nraise Odd('hunter2')", r"failed with Odd \("),
    ],
)
def test_a_module_that_fails_is_not_taken_for_a_missing_one(
    folder: Path, source: str, sentence: str
) -> None:
    """The error has the real cause and its place, but no text that may contain a secret."""
    module(folder, "zz_broken", source)

    with pytest.raises(ConfigurationError, match=sentence) as caught:
        factory("h", {"target": "zz_broken:f"}, ENVIRONMENT)

    assert "the module zz_broken exists" in str(caught.value)
    assert "hunter2" not in str(caught.value)
    assert caught.value.__cause__ is not None
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
def test_wrong_options_are_reported(options: dict[str, Any], sentence: str) -> None:
    """With the handler's name and what is allowed."""
    with pytest.raises(ConfigurationError, match=f'handler "h".*{sentence}'):
        factory("h", options, ENVIRONMENT)
