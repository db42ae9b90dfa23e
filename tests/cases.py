"""One test for many cases, where a test for each would cost more than it shows."""

from __future__ import annotations

import functools
import inspect
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    Test = Callable[..., None]


def for_each(
    names: str, cases: Iterable[Any]
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Run a test with each case, as `pytest.mark.parametrize` does, but in one test.

    All cases run even if some fail. The test then fails with the first error, which names the
    cases that failed. Fixtures are shared by the cases.

    Args:
        names: the parameters, separated by commas.
        cases: the value of the parameter; or a tuple, if there are several parameters.
    """
    parameters = [name.strip() for name in names.split(",")]
    values = [case if len(parameters) > 1 else (case,) for case in cases]
    arguments = [dict(zip(parameters, value, strict=True)) for value in values]
    assert arguments, "there are no cases"

    def decorate(test: Test) -> Test:
        @functools.wraps(test)
        def run(**fixtures: Any) -> None:
            failed: list[tuple[dict[str, Any], BaseException]] = []
            for case in arguments:
                try:
                    test(**case, **fixtures)
                except (Exception, pytest.fail.Exception) as error:
                    failed.append((case, error))
            if failed:
                first = failed[0][1]
                first.add_note(f"{len(failed)} of {len(arguments)} cases failed:")
                for case, _ in failed:
                    first.add_note(f"  {case}"[:200])
                raise first

        signature = inspect.signature(test)
        others = [p for name, p in signature.parameters.items() if name not in parameters]
        run.__signature__ = signature.replace(parameters=others)  # type: ignore[attr-defined]
        return run

    return decorate
