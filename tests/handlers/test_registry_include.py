"""Registries inside registries."""

from __future__ import annotations

from typing import Any

import pytest

from consumer.errors import ConfigurationError
from consumer.handlers.registering.registry import Registry
from consumer.retry import RetryPolicy
from tests.handlers.calls import call_first, tracing


def names(registry: Registry) -> list[str]:
    return [handler.name for handler in registry.handlers]


def test_limits_of_an_inclusion_win_over_the_handler_s_own() -> None:
    """An administrator's limits win over those in the code; the others stay as registered."""
    own = {"timeout_seconds": 5.0, "concurrency": 2, "batch": 10, "linger_seconds": 3.0}
    registry, outer, unchanged = Registry(), Registry(), Registry()
    registry.add(lambda _e: None, "*", name="h", retry=RetryPolicy(1, 2), **own)  # type: ignore[arg-type]
    given = {"timeout_seconds": 7.0, "concurrency": 1, "batch": 20, "linger_seconds": 0.0}

    unchanged.include(registry)
    outer.include(registry, retry=RetryPolicy(60, 600), **given)  # type: ignore[arg-type]

    (kept,), (changed,) = unchanged.handlers, outer.handlers
    assert kept.retry == RetryPolicy(1, 2)
    assert changed.retry == RetryPolicy(60, 600)
    assert {key: getattr(kept, key) for key in own} == own
    assert {key: getattr(changed, key) for key in given} == given


def test_included_handlers_keep_their_middleware_inside_ours() -> None:
    """Ours is outermost, whenever it was added."""
    trace: list[str] = []
    inner, outer = Registry(), Registry()
    inner.use(tracing("inner", trace))
    inner.add(lambda event: trace.append("handler"), "*", name="h")
    outer.include(inner)
    outer.use(tracing("outer", trace))

    call_first(outer)

    assert trace == ["outer in", "inner in", "handler", "inner out", "outer out"]


def test_a_prefix_makes_names_distinct() -> None:
    """One registry can be included twice, and others may use the same names."""
    inner, outer = Registry(), Registry()
    inner.add(lambda event: None, "*", name="h")

    outer.include(inner, prefix="a.")
    outer.include(inner, prefix="b.")

    assert names(outer) == ["a.h", "b.h"]
    with pytest.raises(ConfigurationError, match=r"two handlers are named 'a\.h'"):
        outer.include(inner, prefix="a.")


def test_patterns_and_format_narrow_what_is_included() -> None:
    """Both the handler and the inclusion must ask for an event."""
    inner, outer = Registry(), Registry()
    inner.add(lambda event: None, ["*_created", "login"], name="created")
    inner.add(lambda event: None, "*", name="all")
    inner.add(lambda event: None, "*", name="caliper", format="caliper")
    outer.include(inner, patterns=["submission_*", "login"], format="canvas")

    def routed(name: str) -> list[str]:
        return [h.name for h in outer.route(name, "canvas")]

    assert names(outer) == ["created", "all"]
    assert routed("submission_created") == ["created", "all"]
    assert routed("submission_updated") == ["all"]
    assert routed("login") == ["created", "all"]
    assert routed("user_created") == []
    assert outer.route("login", "caliper") == ()
    assert outer.handlers[1].patterns == ("submission_*", "login")


def test_narrowing_twice_narrows_further() -> None:
    """Each level of inclusion counts."""
    inner, middle, outer = Registry(), Registry(), Registry()
    inner.add(lambda event: None, "*_created", name="h")
    middle.include(inner, patterns="sub*")
    outer.include(middle, patterns="*mission*")

    found = [n for n in ("submission_created", "subject_created", "permission_created")
             if outer.route(n, "canvas")]  # fmt: skip

    assert found == ["submission_created"]


@pytest.mark.parametrize(
    "limits", [{"batch": 0}, {"timeout_seconds": -1}, {"concurrency": 0}, {"linger_seconds": -1}]
)
def test_limits_are_checked_when_they_replace_others(limits: Any) -> None:
    """The same ranges as at registration."""
    inner = Registry()
    inner.add(lambda events: None, "*", name="h", batch=10)

    with pytest.raises(ConfigurationError, match="handler 'h'"):
        Registry().include(inner, **limits)


def test_a_batch_size_needs_a_batch_handler() -> None:
    """A function that takes one event can't be made to take many from outside."""
    inner = Registry()
    inner.add(lambda event: None, "*", name="h")

    with pytest.raises(ConfigurationError, match="takes one event at a time"):
        Registry().include(inner, batch=10)


def test_nothing_can_be_added_to_an_included_registry() -> None:
    """It would never be called, and its events would be deleted without it."""
    inner, outer = Registry(), Registry()
    inner.add(lambda event: None, "*", name="h")
    outer.include(inner)

    for change in (
        lambda: inner.add(lambda event: None, "*", name="late"),
        lambda: inner.use(lambda event, context, call_next: None),
        lambda: inner.include(Registry()),
    ):
        with pytest.raises(ConfigurationError, match="include it after its last handler"):
            change()
    assert names(inner) == ["h"]


def test_a_registry_cannot_include_itself() -> None:
    """It would have every handler twice."""
    registry = Registry()

    with pytest.raises(ConfigurationError, match="itself"):
        registry.include(registry)


def test_a_failed_inclusion_changes_nothing() -> None:
    """Either all handlers are taken over or none."""
    inner, outer = Registry(), Registry()
    for name in ("a", "b"):
        inner.add(lambda event: None, "*", name=name)
    outer.add(lambda event: None, "*", name="b")

    with pytest.raises(ConfigurationError):
        outer.include(inner)

    assert names(outer) == ["b"]
    inner.add(lambda event: None, "*", name="c")  # it was not included, so it is still open
