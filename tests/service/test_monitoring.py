"""What monitoring systems get: health checks and the status over HTTP, the metrics in a file."""

from __future__ import annotations

import json
import re
import socket
import threading
import urllib.error
import urllib.request
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from consumer.config import MetricsSettings, Settings
from consumer.errors import ConfigurationError
from consumer.handlers.registering.registry import Registry
from consumer.queues.transport import QueueAttributes
from consumer.service.depth import Depths
from consumer.service.http.listeners import listen_tcp
from consumer.service.monitoring.metrics import Metrics
from consumer.service.monitoring.serving import Listener, Textfile, listening, metrics_companions
from consumer.testing import ManualClock
from tests.engine.conftest import Rig
from tests.processes import BOUND, ROOT, eventually
from tests.service.daemon_stage import named
from tests.service.monitored import monitor_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Served:
    """An engine stepped by hand, and the address that answers monitoring systems."""

    def __init__(self) -> None:
        registry = Registry()
        registry.add(lambda _event: None, "*", name="all")
        self.rig = Rig(registry)
        self.monitor = monitor_of(self.rig.worker, self.rig.clock)
        listener = listen_tcp("127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        self.companion = Listener(listener, self.monitor.facts)

    def cycle(self) -> None:
        """Some work, and what the main thread does."""
        self.rig.cycle()
        self.monitor.look(self.rig.status)

    def get(self, path: str) -> tuple[int, str]:
        """The status and the text of an answer."""
        try:
            with urllib.request.urlopen(self.url + path, timeout=30) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()


@pytest.fixture(name="served")
def _served() -> Iterator[Served]:
    served = Served()
    yield served
    served.companion.close(0)


def test_metrics_and_status_are_those_of_the_moment(served: Served) -> None:
    """Prometheus' text format, and JSON."""
    served.rig.send(count=3)
    served.cycle()

    status, text = served.get("/metrics")
    assert status == 200
    assert 'canvas_live_events_messages_total{outcome="handled"} 3.0\n' in text
    status, text = served.get("/status")
    assert (status, json.loads(text)["counts"]["handled"]) == (200, 3)


def test_readiness_follows_the_state(served: Served) -> None:
    """503 with the state, unless messages are received."""
    assert served.get("/readyz") == (503, "starting\n")
    served.cycle()
    assert served.get("/readyz") == (200, "ok\n")
    served.rig.worker.pause(paused=True)
    served.cycle()
    assert served.get("/readyz") == (503, "paused\n")
    served.rig.worker.stop()
    assert served.get("/readyz") == (503, "draining\n")


def test_health_has_a_line_for_each_problem(served: Served) -> None:
    """200 while there is progress; also while it drains."""
    served.cycle()
    assert served.get("/healthz") == (200, "ok\n")
    served.rig.worker.stop()
    assert served.get("/healthz") == (200, "ok\n")

    served.rig.clock.advance(3600)
    status, text = served.get("/healthz")
    assert status == 503
    assert text == "main thread without progress\n"
    served.monitor.look(served.rig.status)
    assert "heartbeat without progress\n" in served.get("/healthz")[1]
    assert served.get("/readyz")[1].startswith("draining\n")


def test_an_address_that_is_in_use_is_a_configuration_error() -> None:
    """Reported before the first message is received, with what would be right."""
    with socket.create_server(("127.0.0.1", 0)) as used:
        port = used.getsockname()[1]
        text = f"can't listen on 127.0.0.1:{port}: another process listens there"
        with (
            pytest.raises(ConfigurationError, match=re.escape(text)),
            listening(MetricsSettings(listen=f"127.0.0.1:{port}")),
        ):
            pass


def test_a_directory_that_is_missing_is_a_configuration_error(tmp_path: Path) -> None:
    """It would not be written to: it belongs to node_exporter, which makes it."""
    settings = MetricsSettings(textfile=tmp_path / "missing" / "metrics.prom")
    with pytest.raises(ConfigurationError) as caught, listening(settings):
        pass
    assert str(caught.value) == f"metrics.textfile: there is no directory {tmp_path}/missing"


def test_nothing_is_opened_by_default(tmp_path: Path) -> None:
    """No listener, no file, and no request that is paid for."""
    rig = Rig(Registry())
    depths: Any = None
    read = monitor_of(rig.worker, rig.clock).facts
    with listening(Settings().metrics) as listener:
        assert listener is None
        assert metrics_companions(Settings().metrics, None, read, depths, rig.clock) == []
    assert list(tmp_path.iterdir()) == []


def test_the_file_is_replaced_as_a_whole(tmp_path: Path, logged: list[Any]) -> None:
    """Anyone may read it, nothing else is left beside it, and a failure is logged once."""
    rig, path = Rig(Registry()), tmp_path / "sub" / "events.prom"
    clock = ManualClock()
    file = Textfile(path, Metrics(monitor_of(rig.worker, rig.clock).facts).text, clock=clock)
    try:
        eventually(lambda: named(logged, "textfile_failed"), "there is no directory yet")
        path.parent.mkdir()
        eventually(path.exists, "it is written later")
        assert path.stat().st_mode & 0o777 == 0o644
        assert b"canvas_live_events_build_info{" in path.read_bytes()
    finally:
        file.close(0)
        for thread in threading.enumerate():
            if thread.name == "metrics-file":
                thread.join(BOUND)
    assert [entry.name for entry in path.parent.iterdir()] == ["events.prom"]
    assert len(named(logged, "textfile_failed")) == 1
    assert named(logged, "textfile_failed")[0]["code"] == "FileNotFoundError"


def test_a_bug_in_a_metric_does_not_end_the_file(tmp_path: Path, logged: list[Any]) -> None:
    """What is wrong for a moment is right later."""
    clock, calls = ManualClock(), list[int]()

    def fail_once() -> bytes:
        calls.append(1)
        if len(calls) == 1:
            raise KeyError("secret")
        return b"# no metrics\n"

    file = Textfile(tmp_path / "events.prom", fail_once, clock=clock)
    try:
        eventually((tmp_path / "events.prom").exists, "it is written")
    finally:
        file.close(0)
    assert "KeyError" == named(logged, "textfile_failed")[0]["code"]


def test_what_is_configured_is_closed_at_the_end(tmp_path: Path) -> None:
    """The port is free again, and nothing is written or asked any more."""
    rig, clock = Rig(Registry()), ManualClock()
    queue: Any = rig.queue
    depths = Depths(queue, "main", QueueAttributes(), dead_letters=None, clock=clock)
    with listen_tcp("127.0.0.1", 0) as free:
        port = free.getsockname()[1]
    settings = MetricsSettings(listen=f"127.0.0.1:{port}", textfile=tmp_path / "events.prom")
    with ExitStack() as stack:
        listener = stack.enter_context(listening(settings))
        read = monitor_of(rig.worker, rig.clock).facts
        companions = metrics_companions(settings, listener, read, depths, clock)
        assert len(companions) == 3
        for companion in companions:
            companion.look(rig.status)
            companion.close(0)
        listen_tcp("127.0.0.1", port).close()


def test_the_readmes_example_is_a_configuration() -> None:
    """With both ways."""
    readme = (ROOT / "README.md").read_text()
    (example,) = re.findall(r"<!-- test: metrics example -->\n```yaml\n(.*?)```", readme, re.DOTALL)
    settings = Settings.model_validate(yaml.safe_load(example))
    assert settings.metrics.listen == "127.0.0.1:9464"
    assert settings.metrics.textfile is not None
