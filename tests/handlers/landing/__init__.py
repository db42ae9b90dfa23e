"""One truth about handlers that land events somewhere: each of them passes the same tests.

To add a destination, add a module beside this one, `<type>.py`, with a subclass of `Destination`
(two, if the handler has two ways that matter). `destinations()` finds it; nothing else has to be
changed. What it must provide:

- `kind` and `options()`: the type, and what is under it in the YAML entry.
- `landed()`: what is durably there, read by other means than the handler's own.
- `go_down()` and `come_back()`: really, such as a server that is stopped and started again on the
  same port. While it is down, a call must fail within a second or so.
- `features`: what it can do that not every destination can. A feature that is missing is a
  declared difference: the tests then ask for less.
- `take_some()`, if a call may land some of its events, and others not.
- `bad_event()`, if there are events that it refuses for good.
- `secrets`: texts that must never be logged, such as the password in `options()`.
- `serving()`, if it needs a server: runs once for all tests of a worker, and what it yields is
  `self.server`. Destinations with the same `serving` share one. `set_up` and `tear_down` run for
  each test: what they make there (a table, a bucket, a path) must be new.
- `missing()`, if it needs something that is not installed everywhere: the reason for a skip.
- `environ()` and `aws_client`, for handlers that call AWS.
"""

import importlib
import inspect
import pkgutil

from tests.handlers.landing.destination import Destination


def destinations() -> list[type[Destination]]:
    """All of them, by name."""
    found: dict[str, type[Destination]] = {}
    for module in pkgutil.iter_modules(__path__, f"{__name__}."):
        if not module.name.rpartition(".")[2].startswith(("test_", "conftest")):
            for _, made in inspect.getmembers(
                importlib.import_module(module.name), inspect.isclass
            ):
                if issubclass(made, Destination) and not inspect.isabstract(made):
                    found[made.label()] = made
    return [found[label] for label in sorted(found)]
