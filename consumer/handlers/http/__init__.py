"""The http handler: each event, or each batch, is posted to a URL."""

from collections.abc import Mapping
from typing import Any

from consumer.handlers.http.posting import Poster
from consumer.handlers.http.settings import form_of, target_of
from consumer.handlers.loading.factories import HandlerEnvironment, Options
from consumer.handlers.registering.registry import Registry

_SPLUNK_BATCH = 100
#: So a receiver that is slow does not keep all threads from the other handlers.
_CONCURRENCY = 4
#: What a request can take longer than it may.
_MORE_SECONDS = 5
#: A batch may take so many requests, if events of it are refused.
_REQUESTS_OF_BATCH = 10


def factory(name: str, options: Mapping[str, Any], environment: HandlerEnvironment) -> Registry:
    """Make the handler; connects with the first event. Raises `ConfigurationError`.

    Options: see the README, and `settings.py`.
    """
    read = Options(name, options)
    preset = read.choice("preset", "none", of=("none", "splunk_hec", "slack"))
    batch = environment.batch_size
    if preset == "splunk_hec":
        batch = batch or _SPLUNK_BATCH
    form = form_of(read, preset, batched=batch is not None, warn=environment.warn)
    target = target_of(read, preset, form, environment)
    read.end()
    poster = Poster(target, form, clock=environment.clock)
    registry = Registry()
    registry.add(
        poster.post_one if batch is None else poster.post_batch,
        "*",
        name=name,
        batch=batch,
        concurrency=_CONCURRENCY,
        timeout_seconds=(1 if batch is None else _REQUESTS_OF_BATCH)
        * (target.client.seconds + _MORE_SECONDS),
        close=poster.close,
        check_destination=poster.check,
    )
    return registry
