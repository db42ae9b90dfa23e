"""What lands through the real command, from a queue, with the handler as the YAML file has it."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from tests.bench.rig import running_stub
from tests.handlers.landing.events import event_of, text_of
from tests.processes import Consume

if TYPE_CHECKING:
    from tests.handlers.landing.destination import Destination

pytestmark = pytest.mark.acceptance


def test_the_daemon_lands_a_queue(destination: Destination) -> None:
    """Every event lands, and then its message is deleted; nothing secret is logged."""
    texts = [text_of(number) for number in range(120)]
    with running_stub() as stub:
        stub.post("/send-all", {"bodies": texts})
        run = Consume(
            "--config", str(destination.configuration()), "--queue-url", stub.queue_url,
            "--drain",
            folder=destination.folder, environ=destination.environ(),
        )  # fmt: skip
        try:
            assert 0 == run.end(), run.stderr()
        finally:
            run.kill()
        assert 120 == stub.get("/stats")["deleted"]
    assert Counter(event_of(text).key for text in texts) == destination.keys()
    assert [] == [secret for secret in destination.secrets if secret in run.stderr()]
