"""The user's program: where it is, and how a process of it is started."""

import errno
import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from consumer.directories import is_hidden
from consumer.errors import Unavailable

#: Of a program that is there, and may be executed.
_HINTS: Final = {
    errno.ENOEXEC: "it is no program; the first line of a script must be such as #!/bin/sh",
    errno.ENOENT: "the interpreter that it needs does not exist",
}
#: Of a program or directory that is perhaps there.
_HIDDEN: Final = "hidden from this process (in a systemd unit: ProtectHome= hides /home and /root)"


@dataclass(frozen=True, slots=True)
class Program:
    """Any thread may start processes of it. No shell is involved.

    Args:
        arguments: its name or path, and what follows.
        environment: all of its variables.
        directory: in which it runs; None: that of the daemon.
        shows_errors: its standard error is ours, else nothing reads it.
    """

    arguments: tuple[str, ...] = field(repr=False)
    environment: Mapping[str, str] = field(repr=False)
    directory: Path | None = None
    shows_errors: bool = False

    def find(self) -> str:
        """Its path. Raises `Unavailable` if it can't be run."""
        name, folder = self.arguments[0], self.directory
        if folder is not None and not self.has_directory():
            raise Unavailable(
                f"the directory {folder} is {_HIDDEN}"
                if is_hidden(folder)
                else f"there is no directory {folder} in which the program could run"
            )
        asked = str(folder / name) if folder is not None and os.sep in name else name
        found = shutil.which(asked, path=self.environment.get("PATH"))
        if found is None:
            hidden = os.sep in name and is_hidden(Path(asked))
            there = os.path.isfile(asked)  # noqa: PTH113 - never raise
            what = f"is {_HIDDEN}" if hidden else "can't be executed" if there else "does not exist"
            where = "" if os.sep in name else " in the directories of PATH"
            raise Unavailable(f"the program {name} {what}{where}")
        return str(Path(found).absolute())

    def has_directory(self) -> bool:
        """False if the directory in which it runs is not there, or is hidden."""
        return self.directory is None or os.path.isdir(self.directory)  # noqa: PTH112 - likewise

    def check(self) -> str:
        """What can be said about it without running it. Raises `Unavailable`."""
        return f"{self.find()} can be run"

    def start(self, *, answers: bool) -> tuple[subprocess.Popen[bytes], int, int]:
        """Start a process of it, as the leader of a session. Raises `Unavailable`.

        A signal to its group reaches what it starts, too. Ctrl-C in our terminal does not reach it:
        what it has begun is finished in the drain.

        Args:
            answers: its standard output is a pipe; else it goes where its standard error goes.

        Returns:
            The process, and both ends of its input: its own, and ours, which does not block.
        """
        path = self.find()
        stderr = None if self.shows_errors else subprocess.DEVNULL
        stdout = 2 if self.shows_errors else subprocess.DEVNULL
        ends: tuple[int, ...] = ()
        try:
            ends = stdin, ours = os.pipe()
            os.set_blocking(ours, False)
            process = subprocess.Popen(  # noqa: S603 - what the user configured, without a shell
                self.arguments, executable=path, env=self.environment, cwd=self.directory,
                stdin=stdin, stdout=subprocess.PIPE if answers else stdout, stderr=stderr,
                bufsize=0, start_new_session=True,
            )  # fmt: skip
        except BaseException as error:
            for end in ends:
                os.close(end)
            if not isinstance(error, OSError):
                raise
            reason = _HINTS.get(error.errno or 0) or os.strerror(error.errno or 0)
            raise Unavailable(f"the program {self.arguments[0]} can't be run: {reason}") from error
        return process, stdin, ours
