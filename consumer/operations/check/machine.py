"""This machine: directories, and the systemd unit if there is one."""

import os
import pwd
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from consumer.config import Settings
from consumer.directories import check_directories, user_name
from consumer.errors import ConfigurationError
from consumer.operations.check.results import GREEN, RED, YELLOW, Result

UNIT: Final = "canvas-live-events-consumer"
WEBHOOK_UNIT: Final = "canvas-live-events-webhook"
#: Where the units look for their configuration.
CONFIGURATION: Final = Path("/etc/canvas-live-events-consumer")
_PROPERTIES: Final = (
    "LoadState", "ActiveState", "UnitFileState", "TimeoutStopUSec", "ProtectSystem",
    "StateDirectory", "ReadWritePaths", "DynamicUser", "User",
)  # fmt: skip
_SECONDS: Final = {
    "us": 1e-6, "ms": 1e-3, "s": 1, "min": 60, "h": 3_600, "d": 86_400, "w": 604_800,
}  # fmt: skip


def unit_of(config_file: Path | None) -> str:
    """The unit that would read this file: an instance, if it is one of their directory."""
    if config_file is None or config_file.absolute().parent != CONFIGURATION:
        return UNIT
    name = config_file.stem
    if name == "webhook":
        return WEBHOOK_UNIT
    is_instance = name != "config" and re.fullmatch(r"[\w-]+", name)
    return f"{UNIT}@{name}" if is_instance else UNIT


def properties_of(unit: str) -> dict[str, str]:
    """What systemd says about the unit; {} if there is no systemd, or no such unit."""
    systemctl = shutil.which("systemctl")
    if systemctl is None:
        return {}
    command = [systemctl, "show", f"--property={','.join(_PROPERTIES)}", unit]
    try:
        done = subprocess.run(  # noqa: S603 - a name of ours
            command, capture_output=True, text=True, timeout=10, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return {}
    found = dict(line.split("=", 1) for line in done.stdout.splitlines() if "=" in line)
    return found if found.get("LoadState") == "loaded" else {}


def directories(settings: Settings, state: Path | None) -> Iterator[Result]:
    """They can be written, by the user who runs this.

    Args:
        state: None if it is not configured: systemd makes the unit's own.
    """
    user = user_name(os.geteuid())
    try:
        check_directories(state, settings.quarantine.directory, make=False)
    except ConfigurationError as error:
        for text in str(error).splitlines():
            _, _, fault = text.partition(": ")
            finding, _, remedy = fault.partition(f", and this process runs as {user}: ")
            yield Result("directories", RED, finding, remedy or "set a path that can exist")
        return
    where = f"{state.absolute()}: {user} can write" if state else "the unit makes its own"
    yield Result("directories", GREEN, where)


def unit(settings: Settings, name: str, state: Path | None) -> Iterator[Result]:
    """The unit waits for a drain, and lets the daemon write where it must."""
    found = properties_of(name)
    if not found:
        yield Result("systemd unit", GREEN, f"{name} is not installed on this machine")
        return
    faults = [*_stop_timeout(settings, name, found)]
    for key, place in _written(settings, state):
        faults += _sandbox(name, found, key, place)
    if state is not None:
        faults += _user(found, state.absolute())
    yield from faults
    if not faults:
        yield _running(name, found.get("ActiveState", ""), found.get("UnitFileState", ""))


def _running(name: str, active: str, enabled: str) -> Result:
    finding = f"{name} is {active}, and {enabled or 'not enabled'} at boot"
    if active in ("active", "activating", "reloading") and enabled.startswith("enabled"):
        return Result("systemd unit", GREEN, finding)
    return Result("systemd unit", YELLOW, finding, f"sudo systemctl enable --now {name}")


def _stop_timeout(settings: Settings, name: str, found: Mapping[str, str]) -> Iterator[Result]:
    drain, stop = settings.engine.drain_timeout_seconds, seconds_of(found["TimeoutStopUSec"])
    expected = settings.engine.stop_timeout_seconds
    if stop is not None and stop <= drain:
        finding = f"TimeoutStopSec={stop:g} is not longer than a drain ({drain:g} s)"
        yield Result("systemd unit", RED, finding, _drop_in(name, f"TimeoutStopSec={expected:g}"))
    elif stop is not None and stop != expected:
        finding = f"TimeoutStopSec={stop:g}, and engine.stop_timeout_seconds is {expected:g}"
        yield Result("systemd unit", YELLOW, finding, f"set engine.stop_timeout_seconds: {stop:g}")


def _written(settings: Settings, state: Path | None) -> Iterator[tuple[str, Path]]:
    """The directories that are configured to be written, with their keys."""
    if state is not None:
        yield "state_directory", state.absolute()
    for handler in settings.handlers or ():
        directory, file = handler.options.get("directory"), handler.options.get("file")
        if handler.type == "archive" and isinstance(directory, str):
            yield "archive.directory", Path(directory).absolute()
        if handler.type == "sqlite" and isinstance(file, str):
            yield "sqlite.file", Path(file).absolute().parent


def _sandbox(name: str, found: Mapping[str, str], key: str, place: Path) -> Iterator[Result]:
    if found.get("ProtectSystem") != "strict":
        return
    own = [Path("/var/lib", each) for each in found.get("StateDirectory", "").split()]
    more = [Path(each.lstrip("-+")) for each in found.get("ReadWritePaths", "").split()]
    if not any(place.is_relative_to(each) for each in (*own, *more)):
        finding = f"the unit may not write to {key} {place} (ProtectSystem=strict)"
        remedy = (
            f"leave {key} out; or {_drop_in(name, f'ReadWritePaths={place}')}; the "
            "unit's user must be able to write there, too"
        )
        yield Result("systemd unit", RED, finding, remedy)


def _user(found: Mapping[str, str], state: Path) -> Iterator[Result]:
    """Tried as the service's user, which only root can. A dynamic user is known to systemd only."""
    user, there = found.get("User"), next(p for p in (state, *state.parents) if p.exists())
    if not user or found.get("DynamicUser") == "yes" or os.geteuid() != 0:
        return
    tried = subprocess.run(  # noqa: S603 - a path of the configuration's, for the user's eyes only
        ["/usr/bin/test", "-w", str(there)],
        user=user,
        group=pwd.getpwnam(user).pw_gid,
        extra_groups=(),
        check=False,
    )
    if tried.returncode:
        finding = f"the unit's user {user} can't write the state directory {state}"
        command = f"sudo install -d -m 0700 -o {shlex.quote(user)} {shlex.quote(str(state))}"
        yield Result("systemd unit", RED, finding, command)


def _drop_in(name: str, line: str) -> str:
    return (
        f"run `sudo systemctl edit {name}`, write two lines, [Service] and {line}, and restart it"
    )


def seconds_of(text: str) -> float | None:
    """Of systemd's "1min 30s"; None for "infinity"."""
    parts = re.findall(r"([\d.]+)(us|ms|s|min|h|d|w)(?= |$)", text)
    return sum(float(number) * _SECONDS[u] for number, u in parts) if parts else None
