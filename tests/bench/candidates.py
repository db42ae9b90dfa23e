"""The candidates: the bare loop, the daemon with one handler or another, and a peer."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.bench.destinations import ENTRIES
from tests.bench.rig import ROOT, BenchError, bare_command, daemon_command

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.bench.rig import StubAddress

TITLES = {
    "a": "(a) bare boto3 loop",
    "b": "(b) daemon, batch handler",
    "c": "(c) daemon, handler per event",
    "d": "(d) daemon, archive",
    "e": "(e) fanferro",
}
#: The candidates that are this project's daemon, and have bars.
DAEMON = ("b", "c", "d")
#: Those of each handler that lands events: (d) is the archive, and (b) none of them.
HANDLERS = tuple(name for name in ENTRIES if name != "c")
_PEER_SCRIPT = Path(__file__).with_name("peer.py")
_PEER_VERSION = (
    "import fanferro; from importlib.metadata import version; print(version('fanferro'))"
)
_WHERE_IT_IS = "import consumer; print(consumer.__file__)"


@dataclass(frozen=True, slots=True)
class Candidate:
    """One way to empty a queue. `title` is its name in the report, unlike any other's."""

    name: str
    #: The checkout whose daemon runs.
    tree: Path = ROOT
    #: The Python that runs it.
    python: str = sys.executable
    #: How many receives the peer may have open; the daemon decides that itself.
    pollers: int = 1

    @property
    def before(self) -> bool:
        """Is it of another checkout?"""
        return self.tree != ROOT

    @property
    def title(self) -> str:
        """For people."""
        if self.name == "e":
            return f"{TITLES['e']}, {self.pollers} poller{'s' * (self.pollers > 1)}"
        if self.before:
            return f"({self.name}) before"
        return TITLES.get(self.name, f"daemon, {self.name}")

    def environment(self, stub: StubAddress) -> Mapping[str, str]:
        """The variables that only its process has."""
        path = "" if self.name == "e" else str(self.tree)
        if stub.authority is None:
            return {"PYTHONPATH": path}
        # AWS's SDK for Rust does not read the variable that botocore reads, and we have to.
        trust = "SSL_CERT_FILE" if self.name == "e" else "AWS_CA_BUNDLE"
        return {"PYTHONPATH": path, trust: stub.authority}

    def command(
        self, stub: StubAddress, messages: int, configuration: Path | None = None
    ) -> list[str]:
        """The command that receives and deletes `messages` messages, and ends.

        Args:
            configuration: of the daemon; see `destination`.
        """
        if self.name == "a":
            return bare_command(stub, messages)
        if self.name == "e":
            return [
                self.python, str(_PEER_SCRIPT), "--queue-url", stub.queue_url,
                "--endpoint-url", stub.url, "--messages", str(messages),
                "--pollers", str(self.pollers),
            ]  # fmt: skip
        return daemon_command(stub, "--config", str(configuration), "--max-messages", str(messages))


def candidates(
    names: Sequence[str], *, against: Path | None, peer: Path | None, pollers: int
) -> list[Candidate]:
    """Those that are asked for, in the order in which they run. Raises BenchError."""
    found: list[Candidate] = []
    for name in names:
        if name == "e":
            if peer is not None:
                found.append(Candidate("e", python=str(_python_of(peer)), pollers=pollers))
            continue
        if against is not None and name in ENTRIES:
            found.append(Candidate(name, tree=_checked(against)))
        found.append(Candidate(name))
    if names and not found:
        raise BenchError("there is nothing to run: (e) needs --peer")
    return found


def _python_of(peer: Path) -> Path:
    """The interpreter of a virtual environment, or the one that is named."""
    # Links are not followed: by its own path Python knows in which environment it is.
    return (peer / "bin" / "python" if peer.is_dir() else peer).absolute()


def peer_version(peer: Path) -> str:
    """Which fanferro it has. Raises BenchError if there is none."""
    return _answer([str(_python_of(peer)), "-c", _PEER_VERSION], "", f"no fanferro in {peer}")


def _checked(tree: Path) -> Path:
    """The checkout, if its package is what Python finds there."""
    tree = tree.resolve()
    if tree == ROOT:
        raise BenchError(f"{tree} is this checkout itself")
    found = _answer([sys.executable, "-c", _WHERE_IT_IS], str(tree), f"no checkout in {tree}")
    if tree not in Path(found).resolve().parents:
        raise BenchError(f"no checkout in {tree}: `import consumer` gives {found}")
    return tree


def _answer(command: Sequence[str], path: str, problem: str) -> str:
    env = {"PATH": "/usr/bin:/bin", "PYTHONPATH": path}
    try:
        run = subprocess.run(
            command, env=env, cwd="/", capture_output=True, text=True, check=False
        )  # fmt: skip
    except OSError as error:
        raise BenchError(f"{problem}: {error}") from error
    if run.returncode != 0:
        raise BenchError(f"{problem}: {run.stderr.strip().rpartition(chr(10))[2]}")
    return run.stdout.strip()
