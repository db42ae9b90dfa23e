"""Canvas messages for the benchmark: of the size that Canvas sends, each an event of its own."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

_FIRST_TIME = datetime(2024, 9, 2, 8, 0, tzinfo=UTC)
_SHARD = 10**13
_BROWSER = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/128.0.0.0 Safari/537.36"
)
_ACCOUNT = "lmYz4bXqW2bUeKvpJ0cTn8RrGd1HsAo5fZxQy7Ei"
#: How often each kind comes in a hundred: reading makes most of the events of a course.
_KINDS = (
    ("asset_accessed", 60),
    ("submission_updated", 15),
    ("grade_change", 10),
    ("enrollment_updated", 10),
    ("discussion_entry_created", 5),
)
_ORDER = tuple(name for name, share in _KINDS for _ in range(share))


class Sample(NamedTuple):
    """A message body and the attributes that Canvas sends with it."""

    body: str
    attributes: dict[str, str]


def samples(count: int) -> Iterator[Sample]:
    """Make `count` messages of about 1.3 KB, no two alike; the same ones each time."""
    for number in range(count):
        # 37 shares no factor with 100: every hundred messages hold each kind by its share.
        name = _ORDER[number * 37 % len(_ORDER)]
        time = _FIRST_TIME + timedelta(milliseconds=7 * number)
        stamp = time.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        event = {"metadata": _metadata(name, stamp, number), "body": _body(name, stamp, number)}
        text = json.dumps(event, separators=(",", ":"))
        yield Sample(text, {"event_name": name, "event_time": stamp})


def _global(local: int) -> str:
    return str(2107 * _SHARD + local)


def _metadata(name: str, stamp: str, number: int) -> dict[str, str | None]:
    course = _global(1000 + number % 400)
    return {
        "client_ip": f"192.0.2.{number % 250 + 1}",
        "context_account_id": _global(12),
        "context_id": course,
        "context_role": "StudentEnrollment",
        "context_sis_source_id": f"2024-FALL-{number % 400:04}",
        "context_type": "Course",
        "event_name": name,
        "event_time": stamp,
        "hostname": "canvas.example.edu",
        "http_method": "GET" if name == "asset_accessed" else "POST",
        "producer": "canvas",
        "referrer": f"https://canvas.example.edu/courses/{1000 + number % 400}/modules",
        "request_id": str(uuid.UUID(int=number + (7 << 96), version=4)),
        "root_account_id": _global(1),
        "root_account_lti_guid": f"{_ACCOUNT}.canvas.example.edu",
        "root_account_uuid": _ACCOUNT,
        "session_id": f"{number % 5000:032x}",
        "time_zone": "America/Denver",
        "url": f"https://canvas.example.edu/courses/{1000 + number % 400}/pages/week-{number % 16}",
        "user_account_id": _global(1),
        "user_agent": _BROWSER,
        "user_id": _global(500_000 + number % 9000),
        "user_login": f"student{number % 9000:05}@example.edu",
        "user_sis_id": f"S{number % 9000:07}",
    }


def _body(name: str, stamp: str, number: int) -> dict[str, str | int | float | bool | None]:
    user = _global(500_000 + number % 9000)
    assignment = _global(70_000 + number % 1200)
    if name == "asset_accessed":
        return {
            "asset_id": _global(30_000 + number % 2000),
            "asset_name": f"Week {number % 16}: reading list",
            "asset_subtype": None,
            "asset_type": "wiki_page",
            "category": "wiki",
            "level": None,
            "role": "StudentEnrollment",
        }
    if name == "enrollment_updated":
        return {
            "course_id": _global(1000 + number % 400),
            "course_section_id": _global(3000 + number % 400),
            "created_at": stamp,
            "enrollment_id": _global(900_000 + number),
            "limit_privileges_to_course_section": False,
            "type": "StudentEnrollment",
            "updated_at": stamp,
            "user_id": user,
            "user_name": f"Student {number % 9000}",
            "workflow_state": "active",
        }
    if name == "discussion_entry_created":
        return {
            "created_at": stamp,
            "discussion_entry_id": str(60_000 + number),
            "discussion_topic_id": str(4000 + number % 300),
            "text": "<p>I think that the second source answers this better than the first.</p>",
            "user_id": str(500_000 + number % 9000),
        }
    return {
        "assignment_id": assignment,
        "attempt": number % 3 + 1,
        "grade": str(number % 100),
        "graded_at": stamp,
        "late": False,
        "missing": False,
        "score": number % 100 + 0.5,
        "submission_id": _global(8_000_000 + number),
        "submission_type": "online_text_entry",
        "submitted_at": stamp,
        "updated_at": stamp,
        "user_id": user,
        "workflow_state": "graded",
    }
