"""A directory that can't be written is named before the first event, with who owns it."""

from __future__ import annotations

import errno
import os
import tempfile
from pathlib import Path

import pytest

from consumer import directories
from consumer.directories import check_writable, replace_file
from consumer.errors import ConfigurationError


def fault(path: Path) -> str:
    with pytest.raises(ConfigurationError) as caught:
        check_writable(path, "the state directory", "state_directory")
    return str(caught.value)


def refusing(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    def mkdtemp(*_options: object) -> str:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(tempfile, "mkdtemp", mkdtemp)


def test_what_can_be_written_or_made_passes_and_nothing_is_left(tmp_path: Path) -> None:
    """Trying must not make what `config check` only looks at."""
    check_writable(tmp_path, "x", "x")
    check_writable(tmp_path / "a" / "b", "x", "x")
    (tmp_path / "file").write_text("")
    check_writable(tmp_path / "file", "x", "x")

    assert ["file"] == [path.name for path in tmp_path.iterdir()]


def test_a_place_where_nothing_can_be_made_is_a_fault(tmp_path: Path) -> None:
    """Also for root, who may do everything: /proc is not a disk, and a file is not a directory."""
    file = tmp_path / "file"
    file.write_text("")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")

    assert "/proc/x, in /proc: " in fault(Path("/proc/x"))
    assert "Not a directory (ENOTDIR)" in fault(file / "below")
    assert "Not a directory (ENOTDIR)" in fault(tmp_path / "link")


def test_a_refusal_names_path_owner_and_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that it can be fixed without another look."""
    refusing(monkeypatch, errno.EACCES)
    tmp_path.chmod(0o750)
    user = directories.user_name(os.geteuid())

    assert fault(tmp_path) == (
        f"the state directory can't be written: {tmp_path}: Permission denied (EACCES); "
        f"{tmp_path} belongs to {user} with mode 0750, and this process runs as {user}: "
        f"run `chown -R {user} {tmp_path}` as root, or set state_directory to a path that "
        f"{user} can write"
    )
    # Never advice to give away what lies above it.
    assert f"run `install -d -o {user} {tmp_path}/a/b` as root" in fault(tmp_path / "a" / "b")
    refusing(monkeypatch, errno.EROFS)
    assert f"ReadWritePaths={tmp_path}" in fault(tmp_path)


def test_a_refusal_in_the_systemd_unit_names_what_helps_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its user does not last, so nothing can belong to it; and /home is hidden."""
    refusing(monkeypatch, errno.EACCES)
    monkeypatch.setattr(os, "geteuid", lambda: 61_184)
    assert "run `useradd --system --user-group 61184 && chown -R 61184 " in fault(tmp_path)

    tmp_path.chmod(0)
    assert f"ProtectHome= hides {tmp_path}), or set state_directory" in fault(tmp_path / "a")


def test_what_systemd_deletes_at_the_stop_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Events that land in a private /tmp would be deleted from the queue, and then be lost."""
    mounts = tmp_path / "mountinfo"
    private = "/tmp/systemd-private-0310f1-a.service-Ntn4FP/tmp"
    mounts.write_text(f"151 133 0:43 {private} {tmp_path}/tmp rw - tmpfs x rw\n")
    monkeypatch.setattr(directories, "_MOUNTS", mounts)
    monkeypatch.setenv("SYSTEMD_EXEC_PID", str(os.getpid()))
    (tmp_path / "tmp").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "tmp")

    for place in ("tmp", "tmp/a/b", "link/a"):
        assert "deletes when the unit stops (PrivateTmp=)" in fault(tmp_path / place)
    check_writable(tmp_path, "x", "x")
    monkeypatch.setenv("SYSTEMD_EXEC_PID", "1")  # started by such a unit, and not the unit itself
    check_writable(tmp_path / "tmp", "x", "x")
    monkeypatch.setenv("SYSTEMD_EXEC_PID", str(os.getpid()))
    mounts.unlink()
    check_writable(tmp_path / "tmp", "x", "x")


def test_what_may_not_be_seen_is_hidden_and_not_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """As below /home in a systemd unit."""
    hidden = [directories.is_hidden(Path(path)) for path in ("/", "/nowhere/x", "\0")]
    assert hidden == [False] * 3

    def lstat(path: Path) -> None:
        raise PermissionError(errno.EACCES, "")

    monkeypatch.setattr(Path, "lstat", lstat)
    assert directories.is_hidden(Path("/home/teacher/x"))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everything")
def test_a_file_that_belongs_to_another_is_a_fault(tmp_path: Path) -> None:
    """As after one run as root."""
    (tmp_path / "file").write_text("")
    (tmp_path / "file").chmod(0)

    assert "Permission denied" in fault(tmp_path / "file")


def test_a_file_that_can_not_be_written_is_a_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same for every user who runs the test."""
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(os, "access", lambda path, mode: False)

    assert "Permission denied" in fault(tmp_path / "file")


def test_a_disk_that_is_full_is_no_fault_of_the_configuration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may have room again; exit code 78 would keep the service down."""

    def is_fault(number: int) -> bool:
        refusing(monkeypatch, number)
        try:
            check_writable(tmp_path, "x", "x")
        except ConfigurationError:
            return True
        return False

    assert is_fault(errno.EACCES)
    assert not any(map(is_fault, (errno.ENOSPC, errno.EDQUOT, errno.EIO)))


def test_a_user_without_a_name_is_its_number() -> None:
    """As in a container."""
    assert directories.user_name(123_456_789) == "user 123456789"


def test_a_file_is_replaced_as_a_whole(tmp_path: Path) -> None:
    """Private unless it is asked for otherwise, whatever the umask; nothing is left beside it."""
    file = tmp_path / "file"
    for umask, mode in ((0o000, 0o600), (0o077, 0o644)):
        before = os.umask(umask)
        try:
            replace_file(file, b"%o" % mode, mode=mode)
        finally:
            os.umask(before)
        assert (file.read_bytes(), file.stat().st_mode & 0o777) == (b"%o" % mode, mode)
    assert ["file"] == [path.name for path in tmp_path.iterdir()]


def test_links_of_others_are_not_followed(tmp_path: Path) -> None:
    """In a directory where others can write, a link could lead to any file of this user."""
    victim, file = tmp_path / "victim", tmp_path / "file"
    victim.write_text("precious")
    for name in ("file", "file.unfinished"):
        (tmp_path / name).symlink_to(victim)
    replace_file(file, b"new")

    assert (victim.read_text(), file.read_text()) == ("precious", "new")
    assert not file.is_symlink()


def test_a_file_that_cannot_be_replaced_stays(tmp_path: Path) -> None:
    """And what was begun is removed."""
    (tmp_path / "file").mkdir()
    with pytest.raises(OSError, match="directory"):
        replace_file(tmp_path / "file", b"new")
    assert ["file"] == [path.name for path in tmp_path.iterdir()]
