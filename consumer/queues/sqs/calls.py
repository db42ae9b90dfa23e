"""Two ways to call SQS: a short one of our own, and botocore's, which works in every setup.

Each raises botocore's exceptions, and any thread may call it. One call is one request. Ours exists
because botocore spends more CPU on a call than everything else does on its ten messages.
"""

import json
from collections.abc import Mapping
from contextlib import suppress
from email.utils import parsedate_to_datetime
from typing import Any, Final, cast
from urllib.parse import urlsplit

import structlog
from botocore.exceptions import ClientError, NoCredentialsError
from botocore.parsers import ResponseParserError, create_parser
from botocore.session import Session
from botocore.utils import get_environ_proxies
from pydantic_core import from_json, to_json

from consumer import log_events
from consumer.clock import Clock
from consumer.config import QueueSettings
from consumer.queues.sqs.answer import Answer
from consumer.queues.sqs.client import USER_AGENT
from consumer.queues.sqs.connections import Connections
from consumer.queues.sqs.signing import Signer

_log = structlog.get_logger(__name__)

_OPERATIONS: Final = (
    "ReceiveMessage", "DeleteMessageBatch", "ChangeMessageVisibilityBatch", "GetQueueAttributes",
    "GetQueueUrl", "SendMessageBatch",
)  # fmt: skip
#: Events at which other code may read or change botocore's requests.
_HOOKS: Final = (
    "provide-client-params", "before-parameter-build", "before-call", "request-created",
    "choose-signer", "before-sign", "before-send", "before-parse", "response-received",
    "after-call", "after-call-error",
)  # fmt: skip
_FIRST_ERROR_STATUS: Final = 300
#: AWS's codes for a signature with another time than AWS's.
_SKEWED: Final = {
    "InvalidSignatureException", "SignatureDoesNotMatch", "RequestExpired", "RequestTimeTooSkewed",
    "RequestInTheFuture",
}  # fmt: skip
#: AWS accepts a smaller difference, which may be the time that the answer took.
_LEAST_SKEW_SECONDS: Final = 240.0


def calls_of(
    session: Session, client: Any, queue: QueueSettings, clock: Clock
) -> "BotocoreCalls | WireCalls":
    """Our own way, unless there is a reason for botocore's, which is then logged."""
    hooks = _hooks_of(client.meta.events)
    botocore = BotocoreCalls(client)
    config, url = client.meta.config, client.meta.endpoint_url
    endpoint = urlsplit(url)
    reasons = {
        "queue.transport asks for it": queue.transport == "botocore",
        "a proxy is configured": config.proxies or endpoint.scheme in get_environ_proxies(url),
        "the endpoint's URL has more than host and path": endpoint.query or "@" in endpoint.netloc,
        "requests are not signed with Signature Version 4": config.signature_version != "v4"
        or client.meta.service_model.signing_name != "sqs",
        "other code hooks into botocore's requests": not all(hasattr(h, "enabled") for h in hooks),
    }
    for reason, holds in reasons.items():
        if holds:
            _log.info(log_events.TRANSPORT_BOTOCORE, reason=reason)
            return botocore
    return WireCalls(botocore, session, queue, clock, hooks)


class BotocoreCalls:
    """By botocore's client, with all its features."""

    def __init__(self, client: Any) -> None:
        self.client = client
        self._methods = {api: name for name, api in client.meta.method_to_api_mapping.items()}
        client.meta.events.register("response-received.sqs", _check_content)

    def ask(self, operation: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """One call."""
        return cast("dict[str, Any]", getattr(self.client, self._methods[operation])(**arguments))

    def close(self) -> None:
        """Close its connections."""
        self.client.close()


class WireCalls:
    """By a request of our own. Credentials, region, endpoint and errors are botocore's.

    Args:
        switches: while one of them is `enabled` (moto's `mock_aws` does that), calls go botocore's
            way, into which they hook.
    """

    def __init__(
        self,
        botocore: BotocoreCalls,
        session: Session,
        queue: QueueSettings,
        clock: Clock,
        switches: list[Any],
    ) -> None:
        meta = botocore.client.meta
        endpoint = urlsplit(meta.endpoint_url)
        self._botocore = botocore
        self.client = botocore.client
        self._session = session
        self._clock = clock
        self._model = meta.service_model
        self._switches = switches
        self._signer = Signer(endpoint, region=meta.region_name, user_agent=USER_AGENT)
        self._connections = Connections(
            endpoint,
            connect_timeout_seconds=queue.connect_timeout_seconds,
            read_timeout_seconds=queue.effective_read_timeout_seconds,
            verify=botocore.client._endpoint.http_session._verify,  # noqa: SLF001 - the truth
            clock=clock,
        )
        #: How far AWS's clock is ahead of this machine's.
        self._skew_seconds = 0.0

    def ask(self, operation: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Build, sign, send, read, understand."""
        if self._switches and any(switch.enabled for switch in self._switches):
            return self._botocore.ask(operation, arguments)
        credentials = self._session.get_credentials()
        if credentials is None:
            raise NoCredentialsError
        frozen = credentials.get_frozen_credentials()  # renewed in time, key and token together
        at = self._clock.now().timestamp() + self._skew_seconds
        request = self._signer.request(operation, _json_of(arguments), frozen, at)
        answer = self._connections.exchange(request)
        if answer.status >= _FIRST_ERROR_STATUS:
            raise self._error_of(operation, answer)
        return _object_of(answer.content)

    def close(self) -> None:
        """Close idle connections."""
        self._connections.close()
        self._botocore.close()

    def _error_of(self, operation: str, answer: Answer) -> ClientError:
        shape = self._model.operation_model(operation).output_shape
        headers = answer.headers
        response = {"status_code": answer.status, "headers": headers, "body": answer.content}
        parsed = create_parser("json").parse(response, shape)
        if _SKEWED & {parsed.get("Error", {}).get(name) for name in ("Code", "QueryErrorCode")}:
            self._learn_skew(headers.get("date", ""))
        return ClientError(parsed, operation)

    def _learn_skew(self, date: str) -> None:
        try:
            skew = (parsedate_to_datetime(date) - self._clock.now()).total_seconds()
        except (OverflowError, TypeError, ValueError):  # no date, or none with a time zone
            return
        if abs(skew - self._skew_seconds) < _LEAST_SKEW_SECONDS:
            return
        self._skew_seconds = skew
        if abs(skew) >= _LEAST_SKEW_SECONDS:  # otherwise this machine's clock was corrected
            _log.warning(
                log_events.CLOCK_SKEW,
                seconds=round(skew),
                hint="this machine's clock differs from AWS's: set it; until then requests are "
                "signed for AWS's time",
            )


def _check_content(response_dict: Mapping[str, Any] | None, **_: object) -> None:
    """Refuse what is not a JSON object: botocore takes it for an answer without content."""
    # None: there is no answer, and botocore raises an exception.
    if response_dict is not None and response_dict["status_code"] < _FIRST_ERROR_STATUS:
        _object_of(response_dict["body"])


def _json_of(arguments: Mapping[str, Any]) -> bytes:
    try:
        return to_json(arguments)
    except ValueError:  # half a surrogate pair
        return json.dumps(arguments).encode()


def _object_of(content: bytes) -> dict[str, Any]:
    answer = None
    with suppress(ValueError, RecursionError):
        try:
            answer = from_json(content, cache_strings="keys")
        except ValueError:  # such as half a surrogate pair, which is valid JSON
            answer = json.loads(content)
    if not isinstance(answer, dict):  # a proxy's page is not an empty queue
        raise ResponseParserError("the answer is not a JSON object")
    return answer


def _hooks_of(events: Any) -> list[Any]:
    """The hooks into requests that are not botocore's own."""
    handlers = events._emitter._handlers  # noqa: SLF001 - there is no public way to see them
    names = [f"{event}.sqs.{operation}" for event in _HOOKS for operation in _OPERATIONS]
    hooks = {id(hook): hook for name in names for hook in handlers.prefix_search(name)}.values()
    return [h for h in hooks if not str(getattr(h, "__module__", "")).startswith("botocore.")]
