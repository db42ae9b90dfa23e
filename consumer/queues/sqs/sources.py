"""Sources of AWS credentials on this machine, adapted: they end in time, and never ask the user."""

import atexit
import os
import signal
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final, NoReturn

from botocore import exceptions as aws
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.httpsession import URLLib3Session

from consumer.errors import AccessDeniedError
from consumer.queues.sqs.failures import CredentialsError, CredentialsMissingError
from consumer.queues.sqs.reach import host_and_port

#: A credential_process that takes longer is killed, and run again at the next attempt.
_LONGEST_SECONDS: Final = 60.0
#: botocore's addresses of the metadata service; a user configured any other one.
_USUAL_METADATA: Final = ("169.254.169.254", "[fd00:ec2::254]")


def run_process(profile: str, command: Sequence[str], **_pipes: Any) -> Any:
    """In place of `Popen`, for botocore: run a profile's credential_process, without a terminal.

    Raises: `CredentialsError` if the program fails, takes too long, or can't be run.
    """
    source = f"credential_process of profile {profile}"
    try:
        process = subprocess.Popen(  # noqa: S603 - as the AWS configuration says
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,  # no terminal; and it can be killed with its children
        )
    except (OSError, ValueError, IndexError) as error:
        reason = getattr(error, "strerror", None) or "not a command"
        text = f"{source}: {command[0] if command else ''!r} can't be run: {reason}"
        raise CredentialsMissingError(text, code=type(error).__name__) from None
    try:
        written = _written_by(process)
    except subprocess.TimeoutExpired:
        text = f"{source} did not end within {_LONGEST_SECONDS:g} s"
        raise CredentialsError(text, code="TimeoutExpired") from None
    if process.returncode:
        raise CredentialsError(
            f"{source} failed with exit code {process.returncode}: run it by hand, as the same "
            "user, to see why",
            code="CredentialProcessFailed",
        )
    return SimpleNamespace(communicate=lambda: written, returncode=0)


def _written_by(process: "subprocess.Popen[bytes]") -> tuple[bytes, bytes]:
    """All that it writes, until it ends. If it takes too long, or this process ends: kills it."""

    def kill() -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)

    atexit.register(kill)
    try:
        return process.communicate(timeout=_LONGEST_SECONDS)
    except BaseException:
        kill()
        raise
    finally:
        atexit.unregister(kill)


def refuse_to_ask(profile: str, _prompt: str) -> NoReturn:
    """In place of botocore's prompt for an MFA code."""
    raise AccessDeniedError(
        f"the role of profile {profile} needs a code of an MFA device (mfa_serial), which a daemon "
        "can't ask for: use a role or profile without",
        code="MfaRequired",
    )


class MetadataSession(URLLib3Session):  # type: ignore[misc]  # botocore is not typed
    """Asks the metadata service of this machine, never through a proxy.

    It remembers whether the service is there: botocore only reports that it has no credentials.
    """

    def __init__(self, url: str, timeout_seconds: float) -> None:
        super().__init__(timeout=timeout_seconds)
        self.host = host_and_port(url)
        self.status = 0
        self._expected = not self.host.startswith(_USUAL_METADATA) or is_ec2()
        #: True if it is there, or should be once the network is up.
        self.reached = False

    def send(self, request: AWSPreparedRequest) -> AWSResponse:
        """Send the request."""
        try:
            answer = super().send(request)
        except Exception as error:
            absent = isinstance(error, aws.EndpointConnectionError | aws.ConnectTimeoutError)
            self.reached |= self._expected or not absent
            raise
        self.reached, self.status = True, answer.status_code
        return answer


def is_ec2(firmware: Path = Path("/sys/class/dmi/id")) -> bool:
    """True if this machine is one of Amazon's, by its firmware: it has a metadata service then."""
    for name in ("sys_vendor", "board_vendor", "bios_version"):
        with suppress(OSError, ValueError):
            if "amazon" in (firmware / name).read_text().lower():
                return True
    return False
