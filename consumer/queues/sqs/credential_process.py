"""Runs the credential_process of an AWS profile: with an end, without a terminal."""

from __future__ import annotations

import atexit
import os
import signal
import subprocess
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from consumer.queues.sqs.credential_failures import CredentialsError, CredentialsMissingError

if TYPE_CHECKING:
    from collections.abc import Sequence

#: A program that takes longer is killed, and started anew at the next attempt.
LONGEST_SECONDS = 60.0


class CredentialProcess:
    """What botocore uses of `Popen`. It can't ask anybody: no standard input, no terminal."""

    def __init__(self, profile: str, command: Sequence[str], **_pipes: Any) -> None:
        self._source = f"credential_process of profile {profile}"
        try:
            self._process = subprocess.Popen(  # noqa: S603 - as the AWS configuration says
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,  # no terminal; and it can be ended with its children
            )
        except (OSError, ValueError, IndexError) as error:
            reason = getattr(error, "strerror", None) or "not a command"
            program = command[0] if command else ""
            raise CredentialsMissingError(
                f"{self._source}: {program!r} can't be run: {reason}", code=type(error).__name__
            ) from None

    @property
    def returncode(self) -> int:
        """Always 0: another one is an error."""
        return 0

    def communicate(self) -> tuple[bytes, bytes]:
        """What it wrote. Raises `CredentialsError` if it fails, or takes too long."""
        atexit.register(self._kill)
        try:
            written = self._process.communicate(timeout=LONGEST_SECONDS)
        except subprocess.TimeoutExpired:
            self._kill()
            raise CredentialsError(
                f"{self._source} did not end within {LONGEST_SECONDS:g} s", code="TimeoutExpired"
            ) from None
        except BaseException:
            self._kill()
            raise
        finally:
            atexit.unregister(self._kill)
        code = self._process.returncode
        if code:
            raise CredentialsError(
                f"{self._source} failed with exit code {code}: run it by hand, as the same user, "
                "to see why",
                code="CredentialProcessFailed",
            )
        return written

    def _kill(self) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
