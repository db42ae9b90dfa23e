"""The models of events in Caliper format, with the same class names as those in Canvas format.

Each is loaded on first use. `Envelope` is a whole message, `CaliperEvent` any event in it.
"""

from typing import Any

from consumer.events.catalog.index import class_name, class_of, names


def __getattr__(name: str) -> Any:
    return class_of(__name__, name)


def __dir__() -> list[str]:
    return sorted(["CaliperEvent", "Envelope", *map(class_name, names("caliper"))])
