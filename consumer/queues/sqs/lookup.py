"""Looks for AWS credentials where botocore looks. Knows nothing of SQS.

A look that takes long is logged. A failure, at first or at a later refresh, is an error of ours
that names the source.
"""

import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, Final

import structlog
from botocore.credentials import AssumeRoleProvider, InstanceMetadataProvider, ProcessProvider
from botocore.session import Session

from consumer import log_events
from consumer.queues.sqs.failures import (
    NO_CREDENTIALS,
    CredentialsError,
    CredentialsMissingError,
    lookup_failure,
)
from consumer.queues.sqs.reach import host_and_port
from consumer.queues.sqs.sources import MetadataSession, refuse_to_ask, run_process

_log = structlog.get_logger(__name__)

#: After so long a look that goes on is logged, and then every half minute.
_SLOW_SECONDS: Final = 4.0
_STILL_SLOW_SECONDS: Final = 30.0

#: What messages call some sources, by botocore's name for them.
_SOURCES: Final = {
    "assume-role-with-web-identity": "the web identity of AWS_WEB_IDENTITY_TOKEN_FILE or of "
    "profile {profile}",
    "sso": "the sign-in of profile {profile}",
    "login": "the sign-in of profile {profile}",
}


class Lookup:
    """In place of botocore's resolver: the same providers, in the same order.

    Args:
        providers: of a session; they are changed.
        profile: its name in messages.
    """

    def __init__(self, providers: Sequence[Any], profile: str) -> None:
        self._profile = profile
        self._metadata: MetadataSession | None = None
        self._providers = [(provider, self._adapt(provider)) for provider in providers]

    def load_credentials(self) -> Any:
        """The first that are found, or None. Raises only `TransportError`."""
        for provider, source in self._providers:
            with _watched(source):
                found = provider.load()
            if found is not None:
                _guard_refresh(found, source)
                return found
        return None

    def nothing_found(self, hint: str) -> CredentialsError:
        """Why there are none. Some may still come only where there is a metadata service."""
        metadata = self._metadata
        if metadata is None or not metadata.reached:
            return CredentialsMissingError(NO_CREDENTIALS + hint, code="NoCredentialsError")
        status = f" (HTTP status {metadata.status})" if metadata.status else ""
        return CredentialsError(
            f"no AWS credentials were found: the metadata service {metadata.host} gave none"
            f"{status}; is a role attached to this machine?{hint}",
            code="NoCredentialsError",
        )

    def _adapt(self, provider: Any) -> str:
        """Make it end in time and never ask the user; returns what messages call it."""
        # botocore has no public way for any of this; tests show that it takes effect.
        profile = self._profile
        if isinstance(provider, ProcessProvider):
            _adapt_process(provider, profile)
            return f"credential_process of profile {profile}"
        if isinstance(provider, AssumeRoleProvider):
            provider._prompter = partial(refuse_to_ask, profile)  # noqa: SLF001
            builder = provider._profile_provider_builder  # noqa: SLF001 - for source_profile
            make = builder._create_process_provider  # noqa: SLF001
            builder._create_process_provider = lambda name: _adapt_process(make(name), name)  # noqa: SLF001
            return f"the role of profile {profile}"
        if isinstance(provider, InstanceMetadataProvider):
            fetcher = provider._role_fetcher  # noqa: SLF001
            self._metadata = MetadataSession(fetcher.get_base_url(), fetcher._timeout)  # noqa: SLF001
            fetcher._session = self._metadata  # noqa: SLF001
            return f"the metadata service {self._metadata.host}"
        if provider.METHOD == "container-role":
            host = host_and_port(os.environ.get("AWS_CONTAINER_CREDENTIALS_FULL_URI", ""))
            return f"the container's credential endpoint {host}".rstrip()
        source: str = getattr(provider, "SOURCE", provider.METHOD)
        return _SOURCES.get(source, source).format(profile=profile)


def look_up(session: Session) -> Any:
    """The session's credentials; looked for again until there are some. Raises `TransportError`."""
    found = session.get_credentials()
    if found is None:
        lookup: Lookup = session.get_component("credential_provider")
        raise lookup.nothing_found(unreadable_files(session))
    return found


def unreadable_files(session: Session) -> str:
    """Names the files of the AWS SDK that can't be read, which botocore ignores silently."""
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


def _adapt_process(provider: ProcessProvider, profile: str) -> ProcessProvider:
    provider._popen = partial(run_process, profile)  # noqa: SLF001
    return provider


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

    credentials._refresh_using = guarded  # noqa: SLF001 - its own errors would name no source


@contextmanager
def _watched(source: str) -> Iterator[None]:
    """Log what takes long, and translate what is raised."""
    done = threading.Event()

    def watch() -> None:
        pause, waited = _SLOW_SECONDS, 0.0
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
