"""What the tests of the webhook share: queues, keys, and the real command as a process."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import pytest

from tests.acceptance.scripted_queue import Script, scripted_queue
from tests.webhook.rig import KeyServer, Webhook, running_keys

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.moto_queues import MotoQueue


class Start(Protocol):
    """Starts a webhook that is ready."""

    def __call__(self, queue: MotoQueue | Script, **extra: str) -> Webhook: ...


@pytest.fixture(name="script")
def _script() -> Iterator[Script]:
    with scripted_queue() as script:
        yield script


@pytest.fixture(name="keys")
def _keys() -> Iterator[KeyServer]:
    with running_keys() as keys:
        yield keys


@pytest.fixture(name="webhook")
def _webhook(tmp_path: Path, keys: KeyServer) -> Iterator[Start]:
    started: list[Webhook] = []

    def start(queue: MotoQueue | Script, **extra: str) -> Webhook:
        if isinstance(queue, Script):
            url, endpoint = queue.queue_url, queue.url
        else:
            url, endpoint = queue.url, queue.endpoint
        environ = {
            "CONSUMER_QUEUE__URL": url,
            "CONSUMER_AWS__ENDPOINT_URL": endpoint,
            "CONSUMER_QUEUE__SIGNED__JWKS_URL": keys.url,
        }
        webhook = Webhook(tmp_path, environ, **extra)
        started.append(webhook)
        webhook.run.until("ready")
        return webhook

    yield start
    for webhook in started:
        webhook.close()
