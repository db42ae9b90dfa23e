"""`consume check`, the webhook: whether it answers, the limits of Canvas, and the keys."""

from __future__ import annotations

import json
import os
from collections import Counter
from typing import TYPE_CHECKING

import pytest
import yaml

from consumer.clock import SystemClock
from consumer.webhook.kept import COUNTS_FILE, KeptTally
from consumer.webhook.tally import MOST_ERRORS, MOST_LATE, Tally
from tests.acceptance.http_endpoint import Endpoint, running_endpoint
from tests.operations.checked import Checked, Checker
from tests.signatures.signing import jwk, jwks

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.operations.conftest import Queue


class Site:
    """A configuration with a webhook, and what answers at its address."""

    def __init__(self, folder: Path, queue: Queue, check: Checker) -> None:
        self.folder = folder
        self.queue = queue
        self.check = check
        self.state = folder / "state"
        self.listen = "127.0.0.1:1"
        self.status = 200
        self.asked = 0

    def run(self, **signed: str) -> Checked:
        """The check of a file with the webhook."""
        path = self.folder / "webhook.yaml"
        content = {
            "queue": {"url": self.queue.url, "signed": signed},
            "webhook": {"listen": self.listen},
            "state_directory": str(self.state),
        }
        path.write_text(yaml.safe_dump(content))
        check = Checker(self.check.monkeypatch, ("--config", str(path)), self.check.env)
        return check(PATH=f"{self.folder}:{os.environ['PATH']}")

    def count(self, **counts: int) -> None:
        """What the webhook has counted a moment ago."""
        clock = SystemClock()
        step = (clock.now().timestamp(), Counter(counts))
        KeptTally(Tally(clock, [step]), self.state / COUNTS_FILE, clock=clock).close()


@pytest.fixture(name="site")
def _site(tmp_path: Path, queue: Queue, check: Checker) -> Iterator[Site]:
    site = Site(tmp_path, queue, check)

    class _Webhook(Endpoint):
        def do_GET(self) -> None:  # noqa: N802 - the name that http.server calls
            site.asked += self.path == "/healthz"
            self.answer(site.status, b"ok\n", "text/plain")

    with running_endpoint(_Webhook) as url:
        site.listen = url.removeprefix("http://").rstrip("/")
        yield site


def test_without_a_webhook_there_are_no_rows_of_it(check: Checker) -> None:
    """Most installations have none."""
    names = {row["name"] for row in check().rows}
    assert not names & {"webhook", "signing keys", "sqs:SendMessage"}


def test_whether_it_answers(site: Site) -> None:
    """Green, red if it can't send, and yellow with the command if nothing or another answers."""
    for status, level in ((200, "green"), (503, "red"), (404, "yellow")):
        site.status = status
        assert site.run().level("webhook") == level, status
    assert site.run().level("sqs:SendMessage") == "green"

    site.listen = "127.0.0.1:1"
    (row,) = site.run().named("webhook")

    assert row["level"] == "yellow"
    assert row["remedy"] == f"start it: consume webhook --config {site.folder / 'webhook.yaml'}"


def test_canvas_itself_need_not_send(site: Site, check: Checker) -> None:
    """The statement for Instructure's account is not needed."""
    site.queue.set(Policy="")
    assert check().level("who may send") == "red"
    assert site.run().level("who may send") == "green"


def test_a_stopped_unit_is_not_started(site: Site) -> None:
    """Its socket would start it, so it is not asked."""
    tool = site.folder / "systemctl"
    tool.write_text("#!/bin/sh\necho LoadState=loaded\necho ActiveState=inactive\n")
    tool.chmod(0o755)

    (row,) = site.run().named("webhook")

    assert site.asked == 0
    assert row["level"] == "yellow"
    assert row["remedy"].startswith("sudo systemctl enable --now canvas-live-events-webhook.socket")


def test_the_limits_of_canvas(site: Site) -> None:
    """Yellow past a quarter, red past half of either one; yellow if it is not known."""
    for counts, level in (
        ({"204": 1_000_000, "401": MOST_ERRORS // 4}, "green"),
        ({"401": MOST_ERRORS // 4, "503": 1}, "yellow"),
        ({"204": 5_000, "late": MOST_LATE // 4 + 1}, "yellow"),
        ({"503": MOST_ERRORS // 2 + 1}, "red"),
        ({"late": MOST_LATE // 2 + 1}, "red"),
    ):
        site.count(**counts)
        (row,) = site.run().named("webhook")
        assert row["level"] == level, counts
        assert ("webhook_refused" in row["remedy"]) == (level != "green")
    assert "4,751 late answers" in row["finding"]

    (site.state / COUNTS_FILE).write_text("{")
    assert site.run().level("webhook") == "yellow"


def test_keys_are_known_or_can_be_had(site: Site) -> None:
    """Else each post would get 503; the remedy helps."""
    none = site.folder / "none.json"
    row = site.run(jwks_file=str(none)).red("signing keys")
    assert "set queue.signed.jwks_file" in row["remedy"]

    file = site.folder / "jwks.json"
    file.write_bytes(jwks(jwk("k1")))
    assert site.run(jwks_file=str(file)).level("signing keys") == "green"

    site.state.mkdir(exist_ok=True)
    (site.state / "signing_keys.json").write_text(json.dumps({"keys": [jwk("k1")]}))
    (row,) = site.run(jwks_file=str(none)).named("signing keys")
    assert row["finding"] == "1 are known to the webhook"
