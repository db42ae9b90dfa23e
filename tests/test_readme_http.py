"""README.md's section on the http handler is true: its configurations work, and its receiver."""

from __future__ import annotations

import io
import json
import re
import threading
from contextlib import contextmanager, redirect_stdout
from http.server import HTTPServer
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from standardwebhooks import Webhook

from consumer.clock import SystemClock
from consumer.config import load
from consumer.handlers.loading.loader import build_registry
from consumer.testing import make_event, run_batch
from tests.handlers.http_rig import made, objects
from tests.processes import ROOT
from tests.queues.servers import http, serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.queues.servers import Server

README = (ROOT / "README.md").read_text()
SECRET = "whsec_c2VjcmV0IG9mIHRoZSBzaWduYXR1cmUgaGVyZQ=="
COURSE = make_event("course_created", body={"course_id": "7", "name": 'Art <b> & "Law"'})


def block(mark: str) -> str:
    """The block after a mark."""
    (found,) = re.findall(rf"<!-- test: {mark} -->\n```\w+\n(.*?)```", README, re.DOTALL)
    return str(found)


def options_in(folder: Path, mark: str, url: str) -> tuple[dict[str, Any], int | None]:
    """The options of the example, with this URL and with files in this folder; its batch size."""
    (entry,) = yaml.safe_load(block(mark))["handlers"]
    options: dict[str, Any] = entry["http"]
    for key in [key for key in options if key.endswith("_file")]:
        file = folder / key
        file.write_text({"url_file": url, "token_file": "t0ken"}.get(key, SECRET))
        options[key] = str(file)
    if "url" in options:
        options["url"] = url
    return options, entry.get("batch_size")


@contextmanager
def landed(folder: Path, mark: str, *events: Any) -> Iterator[Server]:
    """A server that got these events as the example configures it."""
    with serving(lambda _: [http({"code": 0})]) as server:
        options, batch_size = options_in(folder, mark, f"http://127.0.0.1:{server.port}")
        registry = made(options, clock=SystemClock(), batch_size=batch_size)
        assert {ran.verdict for ran in run_batch(registry, events)} == {"ack"}
        (handler,) = registry.handlers
        assert handler.close is not None
        handler.close()
        yield server


@pytest.mark.parametrize("mark", ["http chat", "http service", "http splunk"])
def test_the_configurations_are_right(mark: str, tmp_path: Path) -> None:
    """As they stand, but for the files; also what is around the handler's own options."""
    text = block(mark).replace("when: {triggered_by_job: false}\n", "\n")
    for path in re.findall(r"/etc/\S+", text):
        file = tmp_path / path.rpartition("/")[2]
        file.write_text({"chat-webhook": "https://hooks.example/x"}.get(file.name, SECRET))
        text = text.replace(path, str(file))
    (tmp_path / "config.yaml").write_text(text)
    settings = load(tmp_path / "config.yaml", environ={}, overrides={}).settings

    (handler,) = build_registry(settings.handlers, state_directory=tmp_path).handlers

    assert handler.name == mark.partition(" ")[2]


def test_the_chat_example(tmp_path: Path) -> None:
    """The message, with what Slack gives a meaning escaped."""
    with landed(tmp_path, "http chat", COURSE) as server:
        (request,) = server.requests
    text = 'New course *Art &lt;b&gt; &amp; "Law"* (21070000000000007)'
    assert json.loads(request.body) == {"text": text}


def test_the_service_example(tmp_path: Path) -> None:
    """An array of records, with token and signature."""
    with landed(tmp_path, "http service", COURSE, make_event()) as server:
        (request,) = server.requests
    records = Webhook(SECRET).verify(request.body, request.headers)
    assert [COURSE.key, make_event().key] == [record["event_key"] for record in records]
    assert request.headers["authorization"] == "Bearer t0ken"


def test_the_splunk_example(tmp_path: Path) -> None:
    """Each with time and place."""
    with landed(tmp_path, "http splunk", COURSE, make_event()) as server:
        (request,) = server.requests
    assert request.line.split()[1] == "/services/collector/event"
    assert request.headers["authorization"] == "Splunk t0ken"
    first, _ = objects(request.body)
    assert (first["index"], first["sourcetype"]) == ("canvas", "canvas:live_events")


def test_the_receiver_takes_what_is_signed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """And nothing else; an event that comes twice is handled once."""
    monkeypatch.setenv("SIGNING_SECRET", SECRET)
    example: dict[str, Any] = {"__name__": "receiver"}
    exec(block("http receiver"), example)
    example["Receiver"].log_message = lambda *_: None
    printed = io.StringIO()
    with HTTPServer(("127.0.0.1", 0), example["Receiver"]) as server, redirect_stdout(printed):
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        url = f"http://127.0.0.1:{server.server_address[1]}/"
        found = []
        for secret in (SECRET, SECRET, "whsec_YW5vdGhlciBzZWNyZXQgYWx0b2dldGhlcg=="):
            options = {"url": url, "signing_secret": secret}
            (ran,) = run_batch(made(options, clock=SystemClock()), [COURSE])
            found.append(ran.reason.partition(": ")[0].partition(" ")[2])
        server.shutdown()
        thread.join()

    assert found == ["", "", "answered 401"]
    lines = [line for line in printed.getvalue().splitlines() if line.startswith("course_")]
    assert lines == ["course_created 2024-03-01T12:00:00Z"]
