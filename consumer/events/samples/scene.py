"""Who does what where in a sample, so that the parts of an event, and both its formats, agree."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

from consumer.events.samples import cause as causes
from consumer.events.samples.dice import Dice
from consumer.events.samples.variants import DRAWN

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from consumer.events.samples.cause import Cause
    from consumer.events.samples.university import Course, Item, University, User
    from consumer.events.samples.variants import Asset

T = TypeVar("T")

#: Of one thing several names are in use.
_SAME = {
    "section": "course_section",
    "nonxlist_course": "course",
    "page": "wiki_page",
    "file": "attachment",
    "topic": "discussion_topic",
    "tool": "context_external_tool",
    "external_tool": "context_external_tool",
    "student": "user",
    "quiz_submission": "submission",
}


class Scene:
    """One thing that happens to one set of things; its events are made one after the other.

    What is drawn by chance is drawn here once, from the scene's own dice. Used by one thread.
    """

    def __init__(
        self, university: University, seed: int, name: str, *, cause: Cause | None = None
    ) -> None:
        dice = Dice(seed)
        self.university, self.dice, self.name = university, dice, name
        self.time: datetime
        self.course: Course = dice.pick(university.courses)
        self._items: dict[str, Item] = {}
        self._numbers: dict[str, int] = {}
        student = dice.pick(self.course.students)
        actor = self._actor(causes.cast_of(name), student)
        #: Whom the event is about, where it is about a person.
        self.subject: User = student
        self.section = dice.pick(self.course.sections)
        #: In percent.
        self.score = dice.between(30, 100)
        #: Some accounts have Canvas leave out what is null.
        self.compact = dice.chance(0.15)
        self._drawn: dict[str, Any] = {}
        self.cause = cause or self._cause(actor)
        #: The body in Canvas format, which the Caliper format tells, too.
        self.body: dict[str, Any] = {}
        #: Place in a list of objects.
        self.index = 0

    def turn(self, name: str, time: datetime) -> None:
        """Go on to the next event."""
        self.name, self.time = name, time
        self.body = {}

    def _actor(self, cast: causes.Cast, student: User) -> User:
        if cast == "self":
            return student
        return self.course.teacher if cast == "teacher" else self.dice.pick(self.university.admins)

    def _cause(self, actor: User) -> Cause:
        dice, name = self.dice, self.name
        if name == "asset_accessed":
            return self._cause_of_access()
        share, job = causes.JOBS.get(name, (0.0, None))
        if job is not None and dice.chance(share):
            number = str(self.university.global_id(dice.between(10**6, 10**9)))
            return causes.Cause(actor, "", "", "", number, job)
        path = causes.path_of(
            name,
            self.course,
            thing=dice.between(1_000, 9_000_000),
            uuid=dice.uuid(),
            shard=self.university.shard,
            secret=dice.hexadecimal(8),
            user=self.subject.id,
            week=self.item("wiki_page").week,
            assignment=self.item("assignment").id,
            topic=self.item("discussion_topic").id,
            quiz=self.item("quiz").id,
            group=self.item("group").id,
        )
        return causes.Cause(
            actor, causes.context_of(name), causes.method_of(name), path, dice.uuid()
        )

    def _cause_of_access(self) -> Cause:
        """Who looks at something: mostly a student, now and then a teacher, or nobody known."""
        asset, dice = self.asset(), self.dice
        path = asset.path.format(
            course=self.course.id,
            group=self.item("group").id,
            account=self.course.account.id,
            user=self.subject.id,
            week=self.item("wiki_page").week,
            id=self.asset_number(),
            thing=dice.between(1_000, 9_000_000),
        )
        by_teacher = asset.subtype == "speed_grader" or dice.chance(0.1)
        return causes.Cause(
            self.course.teacher if by_teacher else self.subject,
            asset.context,
            "GET",
            path,
            dice.uuid(),
            anonymous=asset.context == "Course" and dice.chance(0.02),
        )

    def asset(self) -> Asset:
        """What is looked at, if the event is asset_accessed."""
        return self.once("asset", lambda dice: dice.pick(DRAWN))

    def asset_number(self) -> int:
        """The local id of what is looked at."""
        return self.number(self.asset().kind)

    def item(self, kind: str) -> Item:
        """The thing of this kind that the scene is about."""
        if kind not in self._items:
            self._items[kind] = self.dice.pick(self.course.items[kind])
        return self._items[kind]

    def number(self, kind: str) -> int:
        """The local id of the thing of this kind; always the same in one scene."""
        kind = _SAME.get(kind, kind)
        if kind in _NUMBERS:
            return _NUMBERS[kind](self)
        if kind in self.course.items:
            return self.item(kind).id
        if kind not in self._numbers:
            self._numbers[kind] = self.dice.between(1_000, 9_000_000)
        return self._numbers[kind]

    def context_number(self) -> int:
        """The local id of where it happens."""
        match self.context_type():
            case "Account":
                return self.course.account.id
            case "Group":
                return self.item("group").id
            case "User":
                return self.subject.id
            case _:
                return self.course.id

    def context_type(self) -> str:
        """Where it happens; in a course, if nothing else is known."""
        return self.cause.context or causes.context_of(self.name) or "Course"

    def once(self, key: str, draw: Callable[[Dice], T]) -> T:
        """What was drawn under this key, or is now: for facts that stand in several places."""
        if key not in self._drawn:
            self._drawn[key] = draw(self.dice)
        return cast("T", self._drawn[key])

    def role(self) -> str | None:
        """Of who acts, in where it happens."""
        if self.context_type() == "Account":
            return "AccountAdmin"
        if self.context_type() != "Course":
            return None
        return "StudentEnrollment" if self.cause.actor is self.subject else "TeacherEnrollment"

    def entity(self) -> tuple[str, int]:
        """Kind and local id of what the event is about."""
        kind = self.name.rpartition("_")[0]
        return kind, self.number(kind)

    def title(self) -> str:
        """What the thing that the event is about is called."""
        for start, title in _TITLES:
            if self.name.startswith(start):
                return title(self)
        for kind in _TITLED:
            if self.name.startswith(kind):
                return self.item(kind).title
        return self.item("module").title


#: Where the local id of a thing of this kind is.
_NUMBERS: Final[Mapping[str, Callable[[Scene], int]]] = MappingProxyType(
    {
        "course": lambda scene: scene.course.id,
        "course_section": lambda scene: scene.section.id,
        "account": lambda scene: scene.course.account.id,
        "root_account": lambda scene: scene.university.root.id,
        "user": lambda scene: scene.subject.id,
        "submission": lambda scene: scene.item("assignment").id * 1_000 + scene.subject.id % 1_000,
        "enrollment": lambda scene: scene.course.id * 10_000 + scene.subject.id,
        "context": lambda scene: scene.context_number(),
    }
)
#: By how the name of the event begins; the first that fits.
_TITLES: Final[tuple[tuple[str, Callable[[Scene], str]], ...]] = (
    ("assignment_group", lambda scene: scene.item("module").title),
    ("course_section", lambda scene: scene.section.title),
    ("course", lambda scene: scene.course.name),
    ("blueprint", lambda scene: scene.course.name),
    ("user", lambda scene: scene.subject.name),
    ("account", lambda scene: scene.course.account.name),
)
_TITLED: Final = (
    "assignment", "wiki_page", "discussion_topic", "quiz", "module", "attachment", "group",
)  # fmt: skip
