"""Who did what where in a sample event: the ids and URLs that its parts have in common."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import UTC
from typing import TYPE_CHECKING

from consumer.events.identifiers import SHARD_SIZE, TRUNCATED_LENGTH

if TYPE_CHECKING:
    from datetime import datetime
    from random import Random

_SHARD = 2107
HOST = "canvas.example.edu"
ACCOUNT_UUID = "lmYz4bXqW2bUeKvpJ0cTn8RrGd1HsAo5fZxQy7Ei"
BROWSER = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/128.0.0.0 Safari/537.36"
)
_PARAGRAPH = '<p class="task">Read the chapter &amp; bring two questions to the seminar.</p> '

#: What a background job of Canvas causes, and the job.
JOBS = {"enrollment_state_updated": "EnrollmentState.process_account_states_in_ranges"}
_PATHS = {
    "asset_accessed": "/courses/{course}/pages/week-{week}?module_item_id={thing}",
    "attachment_created": "/api/v1/files/{thing}/create_success?uuid={uuid}",
    "course_updated": "/api/v1/courses/{course}?access_token={shard}~{token}&include[]=term",
    "discussion_entry_created": "/api/v1/courses/{course}/discussion_topics/{thing}/entries",
    "grade_change": "/api/v1/courses/{course}/assignments/{thing}/submissions/{user}",
    "logged_in": "/login/canvas",
    "logged_out": "/logout",
    "quiz_submitted": "/courses/{course}/quizzes/{thing}/submissions?user_id={user}",
    "submission_created": "/courses/{course}/assignments/{thing}/submissions",
    "wiki_page_updated": "/api/v1/courses/{course}/pages/week-{week}",
}


@dataclass(frozen=True, slots=True)
class Scene:
    """One event's parts. Ids are local ones; `stamp` is the time as Canvas writes it."""

    name: str
    stamp: str
    user: int
    course: int
    #: The submission, page, file or whatever else the event is about.
    thing: int
    score: int
    request_id: str
    session_id: str
    event_id: str

    @property
    def job(self) -> str | None:
        """The job that caused it; None for a request by a person."""
        return JOBS.get(self.name)

    @property
    def week(self) -> int:
        """Which week of the course its page is about."""
        return self.thing % 16 + 1

    @property
    def assignment(self) -> int:
        """The assignment that its submission is for."""
        return self.thing % 1_200 + 1

    @property
    def url(self) -> str:
        """Where the request went; that of course_updated holds a (made-up) access token."""
        path = _PATHS.get(self.name, "/courses/{course}").format(
            course=self.course, thing=self.thing, user=self.user, week=self.week,
            uuid=self.request_id, shard=_SHARD, token=self.session_id * 2,
        )  # fmt: skip
        return f"https://{HOST}{path}"

    @property
    def referrer(self) -> str:
        """Where the person came from."""
        return f"https://{HOST}/courses/{self.course}/modules"

    @property
    def login(self) -> str:
        """The person's login."""
        return f"student{self.user:05}@example.edu"

    @property
    def sis_id(self) -> str:
        """The person's id in the student information system."""
        return f"S{self.user:07}"

    @property
    def client_ip(self) -> str:
        """An address that the internet keeps free for examples."""
        return f"192.0.2.{self.user % 250 + 1}"


def scene_of(name: str, rng: Random, time: datetime) -> Scene:
    """A scene by chance; `time` is aware. The same state of `rng` gives the same scene."""
    return Scene(
        name=name,
        stamp=time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        user=rng.randrange(100, 9_000),
        course=rng.randrange(500, 900),
        thing=rng.randrange(1_000, 9_000_000),
        score=rng.randrange(0, 101),
        request_id=str(uuid.UUID(int=rng.getrandbits(128), version=4)),
        session_id=f"{rng.getrandbits(128):032x}",
        event_id=uuid.UUID(int=rng.getrandbits(128), version=4).urn,
    )


def global_id(local: int) -> str:
    """The id with the samples' shard in front."""
    return str(_SHARD * SHARD_SIZE + local)


def long_page(paragraphs: int = 120) -> str:
    """HTML as Canvas cuts it: at a blank, with three dots, at most 8,192 characters in all."""
    html = _PARAGRAPH * paragraphs
    if len(html) <= TRUNCATED_LENGTH:
        return html
    return html[: TRUNCATED_LENGTH - 2].rpartition(" ")[0] + "..."
