"""Looks for AWS credentials where botocore looks, and never waits in silence or asks a person.

What goes wrong comes out as an error of ours that names the source, when credentials are first
looked for and at each refresh. Knows nothing of SQS.
"""

from __future__ import annotations

import os
import threading
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn

import structlog
from botocore import exceptions as aws
from botocore.credentials import AssumeRoleProvider, InstanceMetadataProvider, ProcessProvider
from botocore.httpsession import URLLib3Session

from consumer import log_events
from consumer.errors import AccessDeniedError
from consumer.queues.sqs.credential_failures import (
    CredentialsError,
    CredentialsMissingError,
    lookup_failure,
)
from consumer.queues.sqs.credential_process import CredentialProcess
from consumer.queues.sqs.failures import NO_CREDENTIALS
from consumer.queues.sqs.reach import host_and_port

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from botocore.awsrequest import AWSPreparedRequest, AWSResponse
    from botocore.session import Session

_log = structlog.get_logger(__name__)

#: After so long a look that is under way is logged, and then every half minute.
SLOW_SECONDS: Final = 4.0
_STILL_SLOW_SECONDS: Final = 30.0
#: botocore's addresses of the metadata service; another one was chosen by a person.
_USUAL_METADATA: Final = ("169.254.169.254", "[fd00:ec2::254]")

#: What a profile may name, by botocore's word for it.
_OF_PROFILE: Final = {
    "custom-process": "credential_process",
    "assume-role": "the role",
    "assume-role-with-web-identity": "the web identity (AWS_WEB_IDENTITY_TOKEN_FILE) or that",
    "sso": "the sign-in",
    "login": "the sign-in",
}


class Lookup:
    """In place of botocore's resolver: the same providers, in the same order.

    Args:
        resolver: of a session; its providers are changed.
        profile: for what people read.
    """

    def __init__(self, resolver: Any, profile: str) -> None:
        self.providers: list[Any] = resolver.providers
        self._profile = profile
        self._metadata: _MetadataSession | None = None
        for provider in self.providers:
            self._prepare(provider)

    def load_credentials(self) -> Any:
        """The first that are found, or None. Raises `TransportError`, and nothing else."""
        for provider in self.providers:
            source = self._source(provider)
            with _watched(source):
                found = provider.load()
            if found is not None:
                _guard_refresh(found, source)
                return found
        return None

    def nothing_found(self, hint: str) -> CredentialsError:
        """Why there are none. Only if a metadata service is there, some may come by themselves."""
        seen = self._metadata
        if seen is None or not seen.reached:
            return CredentialsMissingError(NO_CREDENTIALS + hint, code="NoCredentialsError")
        status = f" (HTTP status {seen.status})" if seen.status else ""
        return CredentialsError(
            f"no AWS credentials were found: the metadata service {seen.host} gave none{status}; "
            f"is a role attached to this machine?{hint}",
            code="NoCredentialsError",
        )

    def _prepare(self, provider: Any) -> None:
        # botocore has no public way for any of this; tests show that it still takes effect.
        if isinstance(provider, ProcessProvider):
            provider._popen = partial(CredentialProcess, self._profile)  # noqa: SLF001
        elif isinstance(provider, AssumeRoleProvider):
            provider._prompter = partial(_refuse_to_ask, self._profile)  # noqa: SLF001
            builder = provider._profile_provider_builder  # noqa: SLF001 - for source_profile
            builder._create_process_provider = _processes(builder)  # noqa: SLF001
        elif isinstance(provider, InstanceMetadataProvider):
            fetcher = provider._role_fetcher  # noqa: SLF001
            self._metadata = _MetadataSession(fetcher.get_base_url(), fetcher._timeout)  # noqa: SLF001
            fetcher._session = self._metadata  # noqa: SLF001

    def _source(self, provider: Any) -> str:
        method, of_profile = provider.METHOD, f"of profile {self._profile}"
        if hasattr(provider, "SOURCE"):
            return str(provider.SOURCE)
        if method == "iam-role":
            url = provider._role_fetcher.get_base_url()  # noqa: SLF001
            return f"the metadata service {host_and_port(url)}"
        if method == "container-role":
            url = os.environ.get("AWS_CONTAINER_CREDENTIALS_FULL_URI", "")
            return f"the container's credential endpoint {host_and_port(url)}".rstrip()
        return f"{_OF_PROFILE[method]} {of_profile}" if method in _OF_PROFILE else str(method)


def look_up(session: Session) -> Any:
    """The session's credentials; looked for anew until there are some. Raises `TransportError`."""
    found = session.get_credentials()
    if found is None:
        lookup: Lookup = session.get_component("credential_provider")
        raise lookup.nothing_found(unreadable_files(session))
    return found


def unreadable_files(session: Session) -> str:
    """A sentence of those files of the AWS SDK that botocore ignores, as they can't be read."""
    faults = []
    for variable in ("credentials_file", "config_file"):
        path = Path(session.get_config_variable(variable)).expanduser()
        try:
            path.open("rb").close()
        except FileNotFoundError:
            continue
        except OSError as error:
            faults.append(f"; {str(path)!r} can't be read: {error.strerror}")
    return "".join(faults)


def is_ec2(firmware: Path = Path("/sys/class/dmi/id")) -> bool:
    """True if this machine is one of Amazon's, by its firmware: it has a metadata service then."""
    for name in ("sys_vendor", "board_vendor", "bios_version"):
        with suppress(OSError, ValueError):
            if "amazon" in (firmware / name).read_text().lower():
                return True
    return False


def _refuse_to_ask(profile: str, _prompt: str) -> NoReturn:
    raise AccessDeniedError(
        f"the role of profile {profile} wants a code of an MFA device (mfa_serial), and nobody "
        "can be asked for it: use a role or profile without",
        code="MfaRequired",
    )


def _processes(builder: Any) -> Callable[..., ProcessProvider]:
    make = builder._create_process_provider  # noqa: SLF001

    def quiet(profile_name: str) -> ProcessProvider:
        provider = make(profile_name)
        provider._popen = partial(CredentialProcess, profile_name)  # noqa: SLF001
        return provider

    return quiet


def _guard_refresh(credentials: Any, source: str) -> None:
    refresh = getattr(credentials, "_refresh_using", None)
    if refresh is None:
        return

    def guarded() -> Any:
        with _watched(source):
            found = refresh()
        if not found:
            raise CredentialsError(f"{source} gave no credentials", code="NoCredentialsError")
        return found

    credentials._refresh_using = guarded  # noqa: SLF001 - what it raises would name nothing


@contextmanager
def _watched(source: str) -> Iterator[None]:
    """Log what takes long, and translate what is raised."""
    done = threading.Event()

    def watch() -> None:
        pause, waited = SLOW_SECONDS, 0.0
        while not done.wait(pause):
            waited += pause
            pause = _STILL_SLOW_SECONDS
            _log.warning(
                log_events.CREDENTIALS_SLOW,
                reason=f"still looking for AWS credentials ({source})",
                seconds=waited,
            )

    with suppress(RuntimeError):  # the system allows no more threads: then it is not logged
        threading.Thread(target=watch, name="credentials", daemon=True).start()
    try:
        yield
    except Exception as error:
        raise lookup_failure(error, source) from None  # its text may name users, or quote secrets
    finally:
        done.set()


class _MetadataSession(URLLib3Session):  # type: ignore[misc]  # botocore is not typed
    """Asks the metadata service directly: no proxy can reach it for this machine.

    And notes whether it is there at all: botocore says no more than that it has no credentials.
    """

    def __init__(self, url: str, timeout_seconds: float) -> None:
        super().__init__(timeout=timeout_seconds)
        self.host = host_and_port(url)
        self.status = 0
        self._expected = not self.host.startswith(_USUAL_METADATA) or is_ec2()
        #: True if it is there, or should be once the network is up.
        self.reached = False

    def send(self, request: AWSPreparedRequest) -> AWSResponse:
        """Send the request, and remember what became of it."""
        try:
            answer = super().send(request)
        except Exception as error:
            not_there = isinstance(error, aws.EndpointConnectionError | aws.ConnectTimeoutError)
            self.reached |= self._expected or not not_there
            raise
        self.reached, self.status = True, answer.status_code
        return answer
