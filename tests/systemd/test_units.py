"""The shipped units, without booting anything: they agree with systemd and with the code."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from consumer import errors, log_events
from consumer.config import UNIT_STOP_TIMEOUT_SECONDS, EngineSettings, QueueSettings

FOLDER = Path(__file__).parents[2] / "systemd"
NAME = "canvas-live-events-consumer"
SINGLE, TEMPLATE = FOLDER / f"{NAME}.service", FOLDER / f"{NAME}@.service"
FAILURE = FOLDER / f"{NAME}-failure@.service"
#: Each instance has its own.
DIRECTORIES = ("StateDirectory", "RuntimeDirectory")
PROGRAM = f"/opt/{NAME}/.venv/bin/consume"

needs_systemd_analyze = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed"
)


def settings(unit: Path) -> list[tuple[str, str]]:
    """The unit's settings in their order; a key may come more than once."""
    lines = [line for line in unit.read_text().splitlines() if re.match(r"\w+=", line)]
    return [(line.partition("=")[0], line.partition("=")[2]) for line in lines]


def setting(unit: Path, key: str) -> str:
    """The one value of a key that must be there exactly once."""
    (value,) = [value for name, value in settings(unit) if name == key]
    return value


def instance(unit: Path, folder: Path) -> Path:
    """A copy that systemd-analyze can judge where the program is not installed."""
    copy = folder / unit.name.replace("@.", "@prod.")
    copy.write_text(unit.read_text().replace(PROGRAM, "/bin/true"))
    return copy


def analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run systemd-analyze."""
    command = ["systemd-analyze", "--no-pager", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


@needs_systemd_analyze
@pytest.mark.parametrize("unit", [SINGLE, TEMPLATE, FAILURE], ids=["single", "template", "failure"])
def test_verify_prints_nothing(unit: Path, tmp_path: Path) -> None:
    """`systemd-analyze verify` finds nothing to say; an unknown key would be a warning."""
    done = analyze("verify", str(instance(unit, tmp_path)))

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@needs_systemd_analyze
@pytest.mark.parametrize("unit", [SINGLE, TEMPLATE], ids=["single", "template"])
def test_exposure_is_at_most_1_5(unit: Path, tmp_path: Path) -> None:
    """`systemd-analyze security` sees an exposure of at most 1.5 of 10."""
    done = analyze("security", "--offline=true", "--threshold=15", str(instance(unit, tmp_path)))

    assert done.returncode == 0, done.stdout + done.stderr
    (exposure,) = re.findall(r"exposure level for \S+: ([\d.]+)", done.stdout)
    assert float(exposure) <= 1.5


def test_the_units_differ_only_in_what_is_the_instances_own() -> None:
    """The template is the unit with the instance's names, and a user of its own."""
    template = dict.fromkeys(f"{key}={value}" for key, value in settings(TEMPLATE))

    expected = [
        f"{key}={value}".replace("config.yaml", "%i.yaml")
        .replace(f"={NAME}", f"={NAME}-%i" if key in DIRECTORIES else f"={NAME}")
        .replace(f":{NAME}.", f":{NAME}-%i.")
        .replace("events consumer", "events consumer (%i)")
        for key, value in settings(SINGLE)
    ]

    own = [line for line in template if line not in expected]
    assert own == ["Description=Canvas Live Events consumer (%i)", "User=cle-%i"]
    assert [line for line in expected if line not in template] == [
        "Description=Canvas Live Events consumer"
    ]


@pytest.mark.parametrize("unit", [SINGLE, TEMPLATE], ids=["single", "template"])
def test_what_a_person_must_mend_is_not_restarted(unit: Path) -> None:
    """The exit codes that prevent a restart are those of the code's own contract."""
    codes = {int(code) for code in setting(unit, "RestartPreventExitStatus").split()}

    assert codes == {
        errors.EXIT_QUEUE_MISSING,
        errors.EXIT_PERMISSION,
        errors.EXIT_CONFIGURATION,
    }
    assert setting(unit, "Restart") == "on-failure"
    assert setting(unit, "StartLimitIntervalSec") == "0"


@pytest.mark.parametrize("unit", [SINGLE, TEMPLATE], ids=["single", "template"])
def test_times_fit_the_code(unit: Path) -> None:
    """The patience of systemd is longer than a drain, and than the longest receive."""
    stop, watchdog = int(setting(unit, "TimeoutStopSec")), int(setting(unit, "WatchdogSec"))
    queue = QueueSettings(url=f"https://sqs.us-east-1.amazonaws.com/123456789012/{NAME}")
    receive = queue.connect_timeout_seconds + queue.effective_read_timeout_seconds

    assert stop == UNIT_STOP_TIMEOUT_SECONDS
    assert stop > EngineSettings().drain_timeout_seconds
    assert watchdog > 2 * receive


@pytest.mark.parametrize("unit", [SINGLE, TEMPLATE], ids=["single", "template"])
def test_command_is_one_the_program_takes(unit: Path) -> None:
    """ExecStart is the installed console script with options that it has."""
    from consumer.cli.main import main

    program, *arguments = setting(unit, "ExecStart").split()

    assert program == PROGRAM
    with main.make_context("consume", arguments) as context:
        assert str(context.params["config_file"]).startswith(f"/etc/{NAME}/")


def test_what_to_do_at_night_is_about_what_there_is() -> None:
    """The table has each exit code, and only log events that exist."""
    text = (FOLDER / "README.md").read_text()
    rows = text[text.index("| what you see |") :].split("\n\n", 1)[0].splitlines()[2:]
    seen = [row.split(" | ")[0] for row in rows]
    events = {value for name, value in vars(log_events).items() if name.isupper()}

    words = set(re.findall(r"`([a-z]+(?:_[a-z]+)*)`", " ".join(seen)))
    assert words - events == {"failed", "inactive", "waiting", "watchdog", "lag_seconds"}
    codes = {int(code) for code in re.findall(r"`status=(\d+)`", " ".join(seen))}
    assert codes == {v for k, v in vars(errors).items() if k.startswith("EXIT_")} - {130}
    assert {row.count(" | ") for row in rows} == {2}


def test_readme_describes_what_the_units_do() -> None:
    """The guide names every exit code, file and credential that the units know of."""
    text = (FOLDER / "README.md").read_text()

    for code in (value for name, value in vars(errors).items() if name.startswith("EXIT_")):
        assert f"| {code} |" in text
    for key, value in settings(SINGLE):
        if key == "LoadCredential":
            assert f"/etc/credstore/{value.partition(':')[2]}" in text
            assert f"/run/credentials/{SINGLE.name}/{value.partition(':')[0]}" in text
    assert f"/var/lib/{setting(SINGLE, 'StateDirectory')}" in text
    assert setting(SINGLE, "ExecStart").split()[-1] in text
