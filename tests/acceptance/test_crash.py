"""kill -9 in the middle of work, and a new start: nothing is lost."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

from tests.acceptance.conftest import archived, written
from tests.moto_queues import numbered
from tests.processes import eventually

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.acceptance.conftest import Gate
    from tests.moto_queues import Moto
    from tests.processes import Consume

    Start = Callable[..., Consume]


def test_a_kill_in_the_middle_of_work_loses_nothing(
    moto: Moto, consume: Start, gate: Gate, tmp_path: Path
) -> None:
    """Every event is archived at least once, the queue is empty, and the archive is whole.

    The crash leaves a torn last line as well: it is set apart and merges with nothing.
    """
    queue = moto.queue(visibility_seconds=3)
    archive = tmp_path / "archive"
    command = (
        "--queue-url", queue.url,
        "--handler", f"archive:{archive}", "--handler", "gated_handlers:registry",
    )  # fmt: skip
    first = consume(*command, CONSUMER_ENGINE__WORKERS="6", **gate.environ)
    queue.send([numbered(number) for number in range(5)])
    eventually(lambda: written(archive) == 5, "the first are archived, but not handled")
    queue.send([numbered(number) for number in range(5, 20)])
    gate.until_started(6)  # no thread is left for the archive, nor for the rest

    first.signal(signal.SIGKILL)
    first.end()
    (file,) = archive.rglob("*.jsonl")
    with file.open("a") as torn:
        torn.write('{"received_at": "2024-')
    assert gate.handled() == set()
    gate.open()
    second = consume(*command, **gate.environ)

    eventually(lambda: len(gate.handled()) == 20, "every event is handled")
    eventually(lambda: queue.counts() == (0, 0), "the queue is empty")
    second.signal(signal.SIGTERM)
    assert second.end() == 0
    numbers = [int(line["payload"]["body"]["submission_id"]) for line in archived(archive)]
    assert set(range(20)) == set(numbers)
    assert second.log("archive_repaired")
    (apart,) = archive.rglob("*.torn")
    assert apart.read_text().split("\n")[0] == '{"received_at": "2024-'
