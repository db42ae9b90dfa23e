"""README.md, the webhook: its commands bring an event from a post into the queue, and out of it."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.acceptance.conftest import archived
from tests.processes import BOUND, ROOT, environment
from tests.webhook.rig import listening

if TYPE_CHECKING:
    from tests.moto_queues import Moto

README = (ROOT / "README.md").read_text()
EXAMPLE_URL = "https://sqs.us-east-1.amazonaws.com/123456789012/canvas-live-events-prod"


@pytest.mark.acceptance
@pytest.mark.skipif(
    not (shutil.which("curl") and shutil.which("openssl")), reason="needs curl and openssl"
)
def test_from_nothing_to_a_received_event(moto: Moto, tmp_path: Path) -> None:
    """All commands but the installation, with the queue and the port of this test."""
    (script,) = re.findall(r"<!-- test: webhook -->\n```sh\n(.*?)```", README, re.DOTALL)
    install, commands = script.split("\n", 1)
    assert install == ".venv/bin/pip install -e '.[webhook]'"
    queue = moto.queue()
    here = commands.replace(".venv/bin", str(Path(sys.executable).parent))
    with listening() as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    here = here.replace(EXAMPLE_URL, queue.url).replace("127.0.0.1:8443", address)
    environ = environment(tmp_path, {"CONSUMER_WEBHOOK__LISTEN": address})

    done = subprocess.run(
        ["/bin/bash", "-euc", f"set -m\n{here}"], cwd=tmp_path, env=environ,
        capture_output=True, text=True, check=False, timeout=BOUND,
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    (line,) = archived(tmp_path / "state/archive")
    assert line["event_name"] == "submission_created"
