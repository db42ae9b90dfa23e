"""What must hold in each of the `tests`."""

from collections.abc import Sequence

from consumer.config.cases import CaseSettings
from consumer.config.layers import Sources
from consumer.config.problems import shown


def check_cases(cases: Sequence[CaseSettings], sources: Sources) -> None:
    """Report what does not fit together. What depends on handlers is checked when they run."""
    first: dict[str, int] = {}
    for index, case in enumerate(cases):
        path = ("tests", index)
        if (other := first.setdefault(case.name, index)) != index:
            error = f"tests[{other}] has this name, too; each needs its own"
            sources.add((*path, "name"), f"{shown(case.name)}: {error}")
        if (case.event is None) == (case.payload is None):
            error = "must have either event (a sample) or payload (a file)"
            sources.add(path, error)
        if case.payload is not None and case.format is not None:
            error = "only a sample has a choice of formats; leave it out"
            sources.add((*path, "format"), error)
        for name in case.gets:
            if name not in case.handlers:
                error = "only a handler in handlers gets the event; add it there"
                sources.add((*path, "gets", name), error)
