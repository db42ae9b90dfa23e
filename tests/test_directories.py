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
    assert "ReadWritePaths=" in fault(tmp_path)


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
