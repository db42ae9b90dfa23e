"""Where credentials may come from on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from consumer.queues.sqs.sources import is_ec2
from tests.cases import for_each

if TYPE_CHECKING:
    from pathlib import Path


@for_each(
    "file, text, expected",
    [
        ("sys_vendor", "Amazon EC2\n", True),
        ("bios_version", "4.11.amazon\n", True),
        ("sys_vendor", "QEMU\n", False),
        ("absent", "", False),
    ],
)
def test_a_machine_of_amazons_is_known_by_its_firmware(
    file: str, text: str, expected: bool, tmp_path: Path
) -> None:
    """There a metadata service that is not reached is late, elsewhere there is none."""
    folder = tmp_path / f"{file}-{expected}"
    folder.mkdir()
    (folder / file).write_text(text)

    assert is_ec2(folder) is expected
