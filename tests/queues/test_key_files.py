"""An access key in files: a new one is used without a restart, and never half of it."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import structlog

from consumer.config import AwsSettings
from consumer.errors import TransportError
from consumer.queues.sqs.client import session_for
from consumer.queues.sqs.key_files import HALF_SECONDS, LOOK_SECONDS, FileCredentials
from consumer.testing import ManualClock
from tests.cases import for_each
from tests.processes import BOUND
from tests.queues.servers import WAYS, Request, connected, http, serving

if TYPE_CHECKING:
    from collections.abc import Iterator

_ROLE = "arn:aws:iam::123456789012:role/canvas"
_ASSUMED = b"""<AssumeRoleResponse><AssumeRoleResult><Credentials>
<AccessKeyId>role-id</AccessKeyId><SecretAccessKey>role-secret</SecretAccessKey>
<SessionToken>role-token</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration>
</Credentials></AssumeRoleResult></AssumeRoleResponse>"""


class Keys:
    """The files, what follows them, and a clock."""

    def __init__(self, folder: Path, *, token: bool = False, **values: str) -> None:
        self.folder = folder
        self.clock = ManualClock()
        self._names = ["access_key_id", "secret_access_key", *(["session_token"] * token)]
        self.write(*[f"{name}-1" for name in self._names])
        given: dict[str, Any] = {f"{name}_file": folder / name for name in self._names}
        given |= {name: f"{name}-1" for name in self._names}
        self.aws = AwsSettings.model_validate(given | values)
        self.credentials = FileCredentials(self.aws, self.clock)

    @property
    def files(self) -> dict[str, Any]:
        """As settings of `connected`."""
        return {f"aws_{key}": value for key, value in self.aws.model_dump().items() if value}

    def write(self, *values: str) -> None:
        """Write the files, in this order."""
        for name, value in zip(self._names, values, strict=False):
            (self.folder / name).write_text(f"{value}\n")

    def change(self, **values: str) -> None:
        """Write some of the files."""
        for name, value in values.items():
            (self.folder / name).write_text(value)

    def used(self, *, after: float = 0.0) -> tuple[str, ...]:
        """What signs, after calls have been made for so long."""
        for _ in range(round(after)):
            self.credentials.get_frozen_credentials()
            self.clock.advance(1)
        frozen = self.credentials.get_frozen_credentials()
        return tuple(filter(None, (frozen.access_key, frozen.secret_key, frozen.token)))


OLD = ("access_key_id-1", "secret_access_key-1")
#: Two looks.
SOON = 2 * LOOK_SECONDS + 1


@pytest.fixture(name="logs")
def _logs() -> Iterator[list[Any]]:
    with structlog.testing.capture_logs() as captured:
        yield captured


def test_a_new_key_is_used_soon(tmp_path: Path, logs: list[Any]) -> None:
    """After two looks at the same files; logged once, without the key."""
    keys = Keys(tmp_path)
    assert OLD == keys.used(after=SOON)

    keys.write("id-2", "secret-2")

    assert ("id-2", "secret-2") == keys.used(after=SOON)
    assert [{"event": "credentials_changed", "log_level": "info"}] == logs


def test_the_files_are_looked_at_now_and_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not at each request; and what has not changed is not read."""
    keys = Keys(tmp_path)
    keys.used(after=SOON)
    looked: list[Path] = []
    stat = Path.stat

    def counted(path: Path) -> object:
        looked.append(path)
        return stat(path)

    monkeypatch.setattr(Path, "stat", counted)
    monkeypatch.setattr(Path, "open", None)

    for _ in range(1000):
        keys.used()
    keys.used(after=30)

    assert 2 * 30 / LOOK_SECONDS == pytest.approx(len(looked), abs=4)


@for_each(
    "first, second",
    [("access_key_id", "secret_access_key"), ("secret_access_key", "access_key_id")],
)
def test_half_of_a_change_is_not_used(first: str, second: str, tmp_path_factory: Any) -> None:
    """Whichever file is written first: while only one is new, the old key signs."""
    keys = Keys(tmp_path_factory.mktemp("keys"))
    keys.used(after=SOON)

    keys.change(**{first: "new"})
    assert OLD == keys.used(after=LOOK_SECONDS)
    keys.change(access_key_id="new", secret_access_key="new")

    seen = {keys.used(after=1) for _ in range(20)}
    assert {OLD, ("new", "new")} == seen


def test_an_id_without_its_secret_is_waited_for(tmp_path: Path, logs: list[Any]) -> None:
    """And logged. In the end the files count, as they would after a restart."""
    keys = Keys(tmp_path)
    keys.used(after=SOON)

    keys.change(access_key_id="id-2")
    assert OLD == keys.used(after=HALF_SECONDS - 5)
    assert {"credentials_kept"} == {line["event"] for line in logs}
    assert "new id" in logs[0]["reason"]

    assert ("id-2", OLD[1]) == keys.used(after=15)


def test_a_token_belongs_to_its_key(tmp_path: Path) -> None:
    """A new key with the old token is half of a change."""
    keys = Keys(tmp_path, token=True)
    keys.used(after=SOON)

    keys.write("id-2", "secret-2")
    assert (*OLD, "session_token-1") == keys.used(after=SOON)
    keys.change(session_token="token-2")

    assert ("id-2", "secret-2", "token-2") == keys.used(after=SOON)


@for_each("content", ["", "two words", None])
def test_a_file_that_can_not_be_used_changes_nothing(
    content: str | None, tmp_path_factory: Any
) -> None:
    """Empty, damaged, or deleted: the old key signs until the files are whole again."""
    keys = Keys(tmp_path_factory.mktemp("keys"))
    keys.used(after=SOON)
    with structlog.testing.capture_logs() as logs:
        keys.change(access_key_id="id-2", secret_access_key=content or "")
        if content is None:
            (keys.folder / "secret_access_key").unlink()

        assert OLD == keys.used(after=100)
        assert {"credentials_kept"} == {line["event"] for line in logs}
        keys.change(secret_access_key="secret-2")
        assert ("id-2", "secret-2") == keys.used(after=SOON)


def test_a_secret_that_was_wrong_is_corrected(tmp_path: Path) -> None:
    """The id stays; after that, a new key is not taken for half of a change."""
    keys = Keys(tmp_path)
    keys.used(after=SOON)

    keys.change(secret_access_key="right")
    assert ("access_key_id-1", "right") == keys.used(after=SOON)
    keys.change(access_key_id="id-2")

    assert ("id-2", "right") == keys.used(after=SOON)


def test_a_refusal_looks_at_once(tmp_path: Path) -> None:
    """A new key is used for the next call. Without one nothing changes."""
    keys = Keys(tmp_path)
    assert not keys.credentials.look(refused=True)
    keys.write("id-2", "secret-2")

    assert keys.credentials.look(refused=True)

    assert ("id-2", "secret-2") == keys.used()


def test_what_has_no_file_stays(tmp_path: Path) -> None:
    """A secret from the environment, with an id in a file."""
    aws = AwsSettings.model_validate(
        {"access_key_id": "id-1", "secret_access_key": "s", "access_key_id_file": tmp_path / "id"}
    )
    (tmp_path / "id").write_text("id-2")
    clock = ManualClock()
    credentials = FileCredentials(aws, clock)
    for _ in range(3):
        clock.advance(LOOK_SECONDS)
        frozen = credentials.get_frozen_credentials()

    assert ("id-2", "s", None) == (frozen.access_key, frozen.secret_key, frozen.token)


def _only(key_id: str, refusal: str) -> Any:
    """A server for one key."""

    def answer(request: Request) -> Iterator[bytes]:
        if f"Credential={key_id}/" in request.headers["authorization"]:
            yield http({})
        else:
            yield http({"__type": f"com.amazonaws.sqs#{refusal}"}, status=403)

    return serving(answer)


@for_each("refusal", ["InvalidClientTokenId", "ExpiredToken"])
def test_a_call_that_is_refused_is_made_again_with_the_new_key(
    refusal: str, tmp_path_factory: Any
) -> None:
    """By both ways: the old key may be deactivated at once. Without a new one it is refused."""
    for way in WAYS:
        keys = Keys(tmp_path_factory.mktemp("keys"))
        with _only("id-2", refusal) as server:
            transport = connected(server.url(), way=way, **keys.files)
            with pytest.raises(TransportError):
                transport.attributes()
            keys.write("id-2", "secret-2")

            transport.attributes()
            transport.attributes()

            transport.close()
        assert 4 == len(server.requests)


def test_calls_that_are_refused_together_are_all_made_again(tmp_path: Path) -> None:
    """Whichever of them finds the new key: the others were signed with the old one, too."""
    keys = Keys(tmp_path)
    answering = threading.Barrier(4)
    failures: list[BaseException] = []

    def together(request: Request) -> Iterator[bytes]:
        if "Credential=id-2/" not in request.headers["authorization"]:
            answering.wait(BOUND)
            yield http({"__type": "com.amazonaws.sqs#ExpiredToken"}, status=403)
        else:
            yield http({})

    def call() -> None:
        try:
            transport.attributes()
        except TransportError as error:
            failures.append(error)

    with serving(together) as server:
        transport = connected(server.url(), way=WAYS[0], **keys.files)
        keys.write("id-2", "secret-2")
        threads = [threading.Thread(target=call) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(BOUND)
        transport.close()

    assert [] == failures
    assert 8 == len(server.requests)


def test_a_role_is_assumed_with_the_key_that_the_files_hold_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The files are the source of `aws.role_arn`, too."""
    keys = Keys(tmp_path)
    with serving(lambda _: [http(_ASSUMED, Connection="close")]) as sts:
        monkeypatch.setenv("AWS_ENDPOINT_URL_STS", f"http://127.0.0.1:{sts.port}")
        aws = keys.aws.model_copy(update={"role_arn": _ROLE})
        session = session_for(aws, region="us-east-1", timeout_seconds=5, clock=keys.clock)
        credentials = session.get_credentials()
        keys.write("id-2", "secret-2")
        assert session.get_component("key_files").look(refused=True)

        assert "role-id" == credentials.get_frozen_credentials().access_key

    assert "Credential=id-2/" in sts.requests[0].headers["authorization"]
