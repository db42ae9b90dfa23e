"""One made-up university for each seed: its accounts, people and courses, which belong together."""

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from consumer.events.samples import words
from consumer.events.samples.dice import Dice
from consumer.subject import SHARD_SIZE

HOST = "canvas.example.edu"
TIME_ZONE = "America/Denver"
_USERS, _TEACHERS, _COURSES, _WEEKS = 400, 30, 40, 12
#: Addresses that are reserved for documentation.
_NETWORKS = ("192.0.2.{0}", "198.51.100.{0}", "203.0.113.{0}", "2001:db8:17::{0:x}")
_KINDS = (
    "assignment", "quiz", "wiki_page", "discussion_topic", "module", "group", "attachment",
    "context_external_tool",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Thing:
    """Something with a local id and a name: an account, a page, a message."""

    id: int
    name: str
    #: What an assignment or a quiz is worth.
    points: int = 0
    #: The week of the term that a part of a course belongs to, from 1.
    week: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class User(Thing):
    """A person."""

    login: str
    #: None if the student information system does not know the person.
    sis_id: str | None
    ip: str
    browser: str
    #: The id of the web session.
    session: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Course(Thing):
    """A course with what is in it."""

    sis_id: str
    account: Thing
    teacher: User
    students: Sequence[User]
    sections: Sequence[Thing]
    #: By kind: "assignment", "wiki_page", ...
    parts: dict[str, Sequence[Thing]]


class University:
    """All of it follows from the seed. Read only; any thread may use it."""

    def __init__(self, seed: int) -> None:
        dice = Dice(seed)
        self._seed = seed
        self.shard = dice.between(1_000, 9_999)
        self.root = Thing(1, "Example State University")
        self.accounts = [Thing(2 + number, name) for number, name in enumerate(words.FACULTIES)]
        people = [_user(1_000 + number, dice) for number in range(_USERS)]
        self.admins, self.teachers = people[:3], people[3 : 3 + _TEACHERS]
        self.students = people[3 + _TEACHERS :]
        self.courses = [self._course(500 + number, dice) for number in range(_COURSES)]
        self.uuid = self.token("root_account", self.root.id)
        self.lti_guid = f"{dice.hexadecimal(5)}.{HOST}"

    def _course(self, number: int, dice: Dice) -> Course:
        letters, name = dice.pick(words.SUBJECTS)
        code = f"{letters}-{dice.between(101, 499)}"
        start, base = dice.between(0, len(self.students) - 40), number * 1_000
        return Course(
            id=number,
            name=name,
            sis_id=f"2026-FALL-{code}",
            account=dice.pick(self.accounts),
            teacher=dice.pick(self.teachers),
            students=self.students[start : start + dice.between(12, 40)],
            sections=[Thing(base + n, f"{code} section {n + 1}") for n in range(2)],
            parts={
                kind: [_part(kind, base + 100 * place + week, week, dice) for week in range(_WEEKS)]
                for place, kind in enumerate(_KINDS)
            },
        )

    def global_id(self, local: int) -> int:
        """A local id with the university's shard in front."""
        return self.shard * SHARD_SIZE + local

    def job_id(self, dice: Dice) -> str:
        """The id of a new job."""
        return str(self.global_id(dice.between(10**6, 10**9)))

    def token(self, kind: str, number: int) -> str:
        """The uuid that Canvas gives to a thing: 40 letters and digits."""
        digest = hashlib.sha256(f"{self._seed}:{kind}:{number}".encode()).digest()
        return base64.b64encode(digest, b"Ab")[:40].decode()


#: Makes the university of a seed, which takes some milliseconds.
university_of = lru_cache(maxsize=8)(University)


def _user(number: int, dice: Dice) -> User:
    first, last = dice.pick(words.FIRST_NAMES), dice.pick(words.LAST_NAMES)
    return User(
        id=number,
        name=f"{first} {last}",
        login=f"user{number}@example.edu",
        sis_id=f"S{number:07}" if dice.chance(0.9) else None,
        ip=dice.pick(_NETWORKS).format(dice.between(1, 254)),
        browser=dice.pick(words.BROWSERS),
        session=dice.hexadecimal(),
    )


def _part(kind: str, number: int, week: int, dice: Dice) -> Thing:
    name = f"Week {week + 1}: {dice.pick(words.TOPICS)}"
    if kind == "attachment":
        name = f"essay {number}.{dice.pick(list(words.FILE_TYPES))}"
    return Thing(number, name, dice.pick((5, 10, 20, 50, 100)), week + 1)
