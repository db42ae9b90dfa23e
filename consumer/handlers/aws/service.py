"""Calls one service of AWS, with a client that is made with the first call."""

import threading
from collections.abc import Callable
from typing import Any

from consumer.errors import Unavailable
from consumer.handlers.aws.failures import DeniedError, RefusedError, failure_of, unavailable


class Service:
    """One service, for one target. Any thread may call any method.

    Args:
        make: makes botocore's client; see `HandlerEnvironment.aws_client`.
        target: what it is called for, as reasons name it: "bucket 'events'".
    """

    def __init__(self, make: Callable[[], Any], *, prefix: str, target: str) -> None:
        self._make = make
        self._prefix = prefix
        self.target = target
        self._lock = threading.Lock()
        self._client: Any = None

    def call(self, operation: str, /, **arguments: Any) -> dict[str, Any]:
        """One request, such as `call("PutObject", Bucket=…)`.

        Raises: `RefusedError` for what is in it; `Unavailable` for everything else.
        """
        try:
            answer: dict[str, Any] = self._method(operation)(**arguments)
        except Exception as error:
            # Its text may name users and accounts, or quote what was sent.
            raise failure_of(error, action=self.action(operation), target=self.target) from None
        return answer

    def ask(self, operation: str, /, **arguments: Any) -> dict[str, Any]:
        """One request with nothing of an event in it. Raises only `Unavailable`."""
        try:
            return self.call(operation, **arguments)
        except RefusedError as error:
            raise unavailable(error.code, self.action(operation), self.target) from None

    def check(self, operation: str, /, *, needs: str, **arguments: Any) -> str:
        """Ask for the target with a call that changes nothing; returns what was found.

        `needs` is the call's IAM action, which handling events does not need: it may be missing.
        Raises `Unavailable`.
        """
        try:
            self.ask(operation, **arguments)
        except DeniedError:
            return f"AWS answers for {self.target}; without {needs}, nothing more is known"
        return f"{self.target} is there; whether events may be sent to it was not tried"

    def not_understood(self) -> Unavailable:
        """What to raise for an answer that is none of this service's."""
        return Unavailable(f"{self.target}: the response is not AWS's; is it a proxy's page?")

    def action(self, operation: str) -> str:
        """The IAM action of an operation."""
        return f"{self._prefix}:{operation.removesuffix('Batch')}"

    def close(self) -> None:
        """Close connections. A later call opens them again."""
        with self._lock:
            client, self._client = self._client, None
        if client is not None:
            client.close()

    def _method(self, operation: str) -> Any:
        with self._lock:
            if self._client is None:
                self._client = self._make()
            client = self._client
        names = {api: name for name, api in client.meta.method_to_api_mapping.items()}
        return getattr(client, names[operation])
