"""Metrics in Prometheus' text format: families of samples, read from the facts of one moment."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Generic, Literal, TypeVar

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from consumer.engine.histogram import Spread

NAMESPACE: Final = "canvas_live_events"

_Facts = TypeVar("_Facts")

#: The values of the labels of one sample, and its value.
Sample = tuple[tuple[str, ...], float | Spread]


@dataclass(frozen=True, slots=True)
class Family(Generic[_Facts]):
    """One metric."""

    #: Without the namespace, and without "_total".
    name: str
    kind: Literal["counter", "gauge", "histogram"]
    help: str
    labels: tuple[str, ...]
    read: Callable[[_Facts], Iterable[Sample]]

    @property
    def full_name(self) -> str:
        """As Prometheus shows it."""
        return f"{NAMESPACE}_{self.name}{'_total' if self.kind == 'counter' else ''}"

    def metric(self, facts: _Facts) -> Metric:
        """Its samples at this moment."""
        name = f"{NAMESPACE}_{self.name}"
        if self.kind == "histogram":
            histogram = HistogramMetricFamily(name, self.help, labels=self.labels)
            for labels, value in self.read(facts):
                if isinstance(value, Spread):
                    histogram.add_metric(labels, _buckets(value), value.sum)
            return histogram
        make = CounterMetricFamily if self.kind == "counter" else GaugeMetricFamily
        family = make(name, self.help, labels=self.labels)
        for labels, value in self.read(facts):
            if not isinstance(value, Spread):
                family.add_metric(labels, value)
        return family


def _buckets(spread: Spread) -> list[tuple[str, float]]:
    total, buckets = 0, list[tuple[str, float]]()
    for bound, count in zip([*spread.bounds, float("inf")], spread.counts, strict=True):
        total += count
        buckets.append(("+Inf" if bound == float("inf") else repr(float(bound)), total))
    return buckets


class _Collector(Collector, Generic[_Facts]):
    """Reads the facts once for each scrape."""

    def __init__(self, read: Callable[[], _Facts], families: Sequence[Family[_Facts]]) -> None:
        self._read = read
        self._families = families

    def collect(self) -> Iterator[Metric]:
        facts = self._read()
        for family in self._families:
            yield family.metric(facts)


class _Process(ProcessCollector):
    """Also where `ProcSubset=pid` of the units hides /proc/stat, which has the time of the boot.

    Without that time, the library would have no metrics of the process.
    """

    def _boot_time(self) -> float:
        # Of the machine itself, as all that is read in /proc: no matter for a `Clock`.
        return time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)


class Exposition(Generic[_Facts]):
    """Any thread may call it.

    Args:
        namespace: of the metrics of the process. node_exporter has the usual names for itself, and
            does not take the same name from two files.
    """

    def __init__(
        self, read: Callable[[], _Facts], families: Sequence[Family[_Facts]], *, namespace: str
    ) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(_Collector(read, families))
        _Process(namespace=namespace, registry=self._registry)

    def text(self) -> bytes:
        """Everything, in Prometheus' text format."""
        return generate_latest(self._registry)
