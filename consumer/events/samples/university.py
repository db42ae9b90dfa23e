"""One university: its accounts, people and courses, which belong together. Everybody is made up."""

from __future__ import annotations

import base64
import hashlib
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from consumer.events.samples import words
from consumer.events.samples.dice import Dice, as_uuid
from consumer.subject import SHARD_SIZE

if TYPE_CHECKING:
    from collections.abc import Sequence

HOST = "canvas.example.edu"
_USERS, _TEACHERS, _COURSES, _WEEKS = 400, 30, 40, 12
#: Addresses that the internet keeps free for examples.
_NETWORKS = ("192.0.2.{0}", "198.51.100.{0}", "203.0.113.{0}", "2001:db8:17::{0:x}")


@dataclass(frozen=True, slots=True)
class User:
    """A person. Ids here and below are local ones."""

    id: int
    name: str
    login: str
    #: None for somebody whom the student information system does not know.
    sis_id: str | None
    ip: str
    browser: str
    time_zone: str
    #: Of the web session.
    session: str


@dataclass(frozen=True, slots=True)
class Item:
    """A thing of a course that has a title: an assignment, a page, a module."""

    id: int
    title: str
    #: Assignments and quizzes: what they are worth.
    points: int = 100
    #: Which week of the term it belongs to, from 1.
    week: int = 1


@dataclass(frozen=True, slots=True)
class Account:
    """A part of the university."""

    id: int
    name: str


@dataclass(frozen=True, slots=True)
class Course:
    """A course with what is in it."""

    id: int
    name: str
    sis_id: str
    account: Account
    teacher: User
    students: Sequence[User]
    sections: Sequence[Item]
    #: By kind: "assignment", "wiki_page", ...
    items: dict[str, Sequence[Item]]


class University:
    """Everything in it comes from the seed alone. Read only; any thread may use it."""

    def __init__(self, seed: int) -> None:
        dice = Dice(seed)
        self._seed = seed
        self.shard = dice.between(1_000, 9_999)
        self.root = Account(1, "Example State University")
        self.accounts = [Account(2 + number, name) for number, name in enumerate(words.FACULTIES)]
        people = [_user(1_000 + number, dice) for number in range(_USERS)]
        self.admins, self.teachers = people[:3], people[3 : 3 + _TEACHERS]
        self.students = people[3 + _TEACHERS :]
        self.courses = [self._course(number, dice) for number in range(_COURSES)]
        self.uuid = self.token("account", 1)
        self.lti_guid = f"{self.hash('account', 1)}.{HOST}"

    def _course(self, number: int, dice: Dice) -> Course:
        letters, name = dice.pick(words.SUBJECTS)
        code = f"{letters}-{dice.between(101, 499)}"
        course_id = 500 + number
        start, size = dice.below(len(self.students)), dice.between(12, 40)
        base = course_id * 1_000
        kinds = ("assignment", "quiz", "wiki_page", "discussion_topic", "module", "group",
                 "attachment", "context_external_tool")  # fmt: skip
        return Course(
            id=course_id,
            name=name,
            sis_id=f"2026-FALL-{code}",
            account=dice.pick(self.accounts),
            teacher=dice.pick(self.teachers),
            students=[self.students[(start + n) % len(self.students)] for n in range(size)],
            sections=[Item(base + n, f"{code} section {n + 1}") for n in range(dice.between(1, 3))],
            items={
                kind: [_item(kind, base + 100 * place + week, week, dice) for week in range(_WEEKS)]
                for place, kind in enumerate(kinds)
            },
        )

    def global_id(self, local: int) -> int:
        """With the university's shard in front."""
        return self.shard * SHARD_SIZE + local

    def token(self, kind: str, number: int) -> str:
        """The uuid that Canvas gives to a thing: 40 letters and digits, always the same."""
        return base64.b64encode(self._digest(kind, number), b"Ab")[:40].decode()

    def hash(self, kind: str, number: int) -> str:
        """The id of a thing for LTI tools: 40 hexadecimal digits, always the same."""
        return self._digest(kind, number).hex()[:40]

    def guid(self, kind: str, number: int) -> str:
        """A real UUID of a thing, always the same."""
        return as_uuid(self.hash(kind, number))

    def _digest(self, kind: str, number: int) -> bytes:
        return hashlib.sha256(f"{self._seed}:{kind}:{number}".encode()).digest()


@lru_cache(maxsize=8)
def university_of(seed: int) -> University:
    """The university of a seed; making one takes some milliseconds."""
    return University(seed)


def _user(number: int, dice: Dice) -> User:
    first, last = dice.pick(words.FIRST_NAMES), dice.pick(words.LAST_NAMES)
    plain = unicodedata.normalize("NFKD", f"{first[0]}{last}").encode("ascii", "ignore").decode()
    login = "".join(letter for letter in plain.lower() if letter.isalpha())
    return User(
        id=number,
        name=f"{first} {last}",
        login=f"{login}{number}@example.edu",
        sis_id=f"S{number:07}" if dice.chance(0.9) else None,
        ip=dice.pick(_NETWORKS).format(1 + dice.below(254)),
        browser=dice.pick(words.BROWSERS),
        time_zone=dice.pick(words.TIME_ZONES),
        session=dice.hexadecimal(4),
    )


def _item(kind: str, number: int, week: int, dice: Dice) -> Item:
    topic = dice.pick(words.TOPICS)
    points = dice.pick((5, 10, 20, 50, 100))
    match kind:
        case "assignment":
            title = f"{dice.pick(words.TASKS)} {week + 1}: {topic}"
        case "quiz":
            title = f"Quiz {week + 1}"
        case "group":
            title = f"Group {week + 1}"
        case "attachment":
            title = f"{dice.pick(words.FILES)}-{number}.{dice.pick(words.FILE_TYPES)[0]}"
        case "context_external_tool":
            title = dice.pick(("Video library", "Reading room", "Code lab", "Proctoring"))
        case _:
            title = f"Week {week + 1}: {topic}"
    return Item(number, title, points, week + 1)
