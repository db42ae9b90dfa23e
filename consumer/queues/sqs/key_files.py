"""An access key in files of the configuration: another key in them is used without a restart."""

import threading
from pathlib import Path
from typing import Any, Final

import structlog
from botocore.credentials import Credentials

from consumer import log_events
from consumer.clock import Clock
from consumer.config import AwsSettings
from consumer.config.secret_file import read_secret
from consumer.errors import AccessDeniedError, TransportError

_log = structlog.get_logger(__name__)

#: How often the files are looked at. What is found must be the same at the next look, too.
LOOK_SECONDS: Final = 3.0
#: How long an id without its secret counts as half of a change. Then it is what the files say.
HALF_SECONDS: Final = 30.0

#: How long a call that was refused waits for another thread that looks.
_REFUSED_SECONDS: Final = 1.0

#: Codes that may mean an old key or token, although they are not fatal.
_OLD: Final = (
    "ExpiredToken", "ExpiredTokenException", "SignatureDoesNotMatch", "InvalidSignatureException",
)  # fmt: skip
_HINT: Final = "the key that was read before is used"
_KEYS: Final = ("access_key_id", "secret_access_key", "session_token")


class FileCredentials(Credentials):  # type: ignore[misc]  # botocore is not typed
    """Credentials of botocore's that follow their files. Any thread may call any method.

    Id, secret and token are only used together: a new id comes with a new secret, and with a new
    token if there is one. While the files are being written, or can't be used, the old key stays.

    Args:
        aws: the key as it was read at the start, and its files; what has no file stays.
    """

    def __init__(self, aws: AwsSettings, clock: Clock) -> None:
        given = [getattr(aws, key) for key in _KEYS]
        self._values = tuple([secret and secret.get_secret_value() for secret in given])
        super().__init__(*self._values)
        #: The first values of this id.
        self._whole = self._values
        self._frozen = super().get_frozen_credentials()
        self._files: list[Path | None] = [getattr(aws, f"{key}_file") for key in _KEYS]
        self._clock = clock
        self._lock = threading.Lock()
        self._due = clock.monotonic()
        #: The state of the files whose content is known, and that of the last look.
        self._known: object = None
        self._seen: object = None
        self._seen_at = 0.0

    def load_credentials(self) -> "FileCredentials":
        """These: for a session, which asks where its credentials are."""
        return self

    def get_frozen_credentials(self) -> Any:
        """Id, secret and token that belong together; now and then the files are looked at."""
        if self._clock.monotonic() >= self._due:
            self.look()
        return self._frozen

    def are_new_after(self, error: TransportError, used: Any) -> bool:
        """True if AWS may have refused an old key, and there is another one by now.

        Args:
            used: what `get_frozen_credentials` returned before the call.
        """
        if not (isinstance(error, AccessDeniedError) or error.code in _OLD):
            return False
        if self._frozen is used:
            self.look(refused=True)
        return self._frozen is not used  # calls that were refused together all see the new one

    def look(self, *, refused: bool = False) -> bool:
        """Look at the files; True if another key is used from now on.

        Args:
            refused: AWS does not accept the key: a new one is used at once.
        """
        if not self._lock.acquire(timeout=_REFUSED_SECONDS * refused):
            return False  # another thread looks; no call waits for a file system
        try:
            self._due = self._clock.monotonic() + LOOK_SECONDS
            return self._look(refused=refused)
        finally:
            self._lock.release()

    def _look(self, *, refused: bool) -> bool:
        state = self._state()
        if state == self._known:
            return False
        is_new = state != self._seen
        if is_new:
            self._seen, self._seen_at = state, self._clock.monotonic()
            if not refused:
                return False  # it may be half written
        try:
            found = self._read()
            self._check_whole(found)
        except (OSError, ValueError) as error:
            if not is_new:
                reason = error.strerror if isinstance(error, OSError) else str(error)
                _log.warning(log_events.CREDENTIALS_KEPT, reason=reason, hint=_HINT)
            return False
        if self._state() != state or (is_new and found[0] == self._values[0]):
            return False  # it is being written; or the id that a new secret is for comes next
        self._known = state
        return self._use(found)

    def _use(self, found: tuple[str | None, ...]) -> bool:
        if found == self._values:
            return False
        if found[0] != self._values[0]:
            self._whole = found
        self._values = found
        self._frozen = Credentials(*found).get_frozen_credentials()
        _log.info(log_events.CREDENTIALS_CHANGED)
        return True

    def _state(self) -> object:
        """What changes with each file; None in the place of a file that can't be looked at."""
        states: list[object] = []
        for path in self._files:
            try:
                found = path.stat() if path else None
            except OSError:
                found = None
            states.append(found and (found.st_ino, found.st_size, found.st_mtime_ns))
        return states

    def _read(self) -> tuple[str | None, ...]:
        pairs = zip(self._files, self._values, strict=True)
        return tuple([read_secret(path) if path else value for path, value in pairs])

    def _check_whole(self, found: tuple[str | None, ...]) -> None:
        """Raises: `ValueError` if there is a new id, and not yet the secret and token for it."""
        pairs = zip(self._files, found, self._whole, strict=True)
        same = [path is not None and new == old for path, new, old in pairs]
        is_late = self._clock.monotonic() - self._seen_at >= HALF_SECONDS
        if found[0] != self._whole[0] and any(same) and not is_late:
            raise ValueError("there is a new id, and not yet a new secret or token")
