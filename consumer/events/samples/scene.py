"""Who does what where in a sample, so that the parts of an event, and both its formats, agree."""

from datetime import datetime
from functools import cached_property
from typing import Any

from consumer.events.samples import cause as causes
from consumer.events.samples import words
from consumer.events.samples.cause import ASSETS, Cause
from consumer.events.samples.dice import Dice
from consumer.events.samples.university import Course, Thing, University, User

#: Other names of the same kinds.
_SAME = {
    "section": "course_section",
    "tool": "context_external_tool",
    "new_quiz": "quiz",
    "quizzes:quiz": "quiz",
    "quiz_submission": "submission",
    "blueprint_course": "course",
}


class Scene:
    """One thing that happens, in one course, to one student; its events are made in order.

    Random choices are made here, once, with the scene's own dice. Used by one thread.
    """

    def __init__(
        self, university: University, seed: int, name: str, *, cause: Cause | None = None
    ) -> None:
        self.university, self.name, self.dice = university, name, Dice(seed)
        self.time: datetime
        self.course: Course = self.dice.pick(university.courses)
        #: The student whom the event is about, if it is about a person.
        self.subject: User = self.dice.pick(self.course.students)
        self.section = self.dice.pick(self.course.sections)
        self._things: dict[str, Thing] = {
            "account": self.course.account,
            "course": self.course,
            "course_section": self.section,
            "root_account": university.root,
            "user": self.subject,
        }
        #: The seconds since what happened before the event.
        self.age = self.dice.between(60, 900_000)
        #: What is looked at, if the event is asset_accessed.
        self.asset = self.dice.pick(ASSETS)
        #: Of a submission: its type, attempt and score, and the score before.
        self.submission_type = self.dice.pick(("online_upload", "online_text_entry", "online_url"))
        self.attempt = self.dice.between(1, 3)
        self.percent = self.dice.between(30, 100)
        self.score = self.thing("assignment").points * self.percent / 100
        self.old_score = self.score / 2 if self.dice.chance(0.4) else None
        self.cause = cause or self._cause()
        self._things["actor"] = self.cause.actor
        #: The body in Canvas format; the Caliper format is made from it.
        self.body: dict[str, Any] = {}
        #: The position in a list of objects.
        self.index = 0

    def _cause(self) -> Cause:
        dice, name = self.dice, self.name
        if name == "asset_accessed":
            return self._look()
        actor = {
            "student": self.subject,
            "teacher": self.course.teacher,
            "admin": dice.pick(self.university.admins),
        }[causes.actor_of(name)]
        job, share = causes.JOBS.get(name, ("", 0.0))
        if dice.chance(share):
            return Cause(actor, self.university.job_id(dice), job)
        path = causes.path_of(name).format(
            account=self.course.account.id,
            course=self.course.id,
            number=self.number(name.rpartition("_")[0]),
            uuid=dice.uuid(),
            token=f"{self.university.shard}~{dice.hexadecimal(8)}",
        )
        context, method = causes.context_of(name), causes.method_of(name)
        return Cause(actor, dice.uuid(), context=context, method=method, path=path)

    def _look(self) -> Cause:
        """The cause of asset_accessed: mostly the student, sometimes the teacher."""
        asset, dice = self.asset, self.dice
        place = asset.context.lower()
        path = f"/{place}s/{self.number(place)}"
        if asset.subtype != "home":
            path += f"/{asset.category}"
        if asset.subtype is None:
            path += f"/{self.number(asset.type)}"
        by_teacher = asset.subtype == "speed_grader" or dice.chance(0.1)
        actor = self.course.teacher if by_teacher else self.subject
        return Cause(actor, dice.uuid(), context=asset.context, method="GET", path=path)

    def kind(self, kind: str) -> str:
        """The name that is used here for this kind; "context" is where the event happens."""
        return self.context_type().lower() if kind == "context" else _SAME.get(kind, kind)

    def thing(self, kind: str) -> Thing:
        """The thing of this kind that the scene is about; always the same in one scene."""
        kind = self.kind(kind)
        if kind not in self._things:
            self._things[kind] = self._find(kind)
        return self._things[kind]

    def _find(self, kind: str) -> Thing:
        if kind in self.course.parts:
            return self.dice.pick(self.course.parts[kind])
        if kind == "submission":
            assignment = self.thing("assignment")
            return Thing(assignment.id * 1_000 + self.subject.id % 1_000, assignment.name)
        if kind == "enrollment":
            return Thing(self.course.id * 10_000 + self.subject.id, self.subject.name)
        return Thing(self.dice.between(1_000, 9_000_000), self.dice.pick(words.TOPICS).capitalize())

    def number(self, kind: str) -> int:
        """The local id of the thing of this kind."""
        return self.thing(kind).id

    def token(self, kind: str) -> str:
        """The uuid of the thing of this kind."""
        return self.university.token(self.kind(kind), self.number(kind))

    @cached_property
    def text(self) -> str:
        """What was submitted as a text."""
        return words.html(self.dice, mostly=6)

    def context_type(self) -> str:
        """Where it happens; in a course, if nothing else is known."""
        return self.cause.context or causes.context_of(self.name) or "Course"

    def role(self) -> str | None:
        """The role of the actor where it happens."""
        is_student = self.cause.actor is self.subject
        in_course = "StudentEnrollment" if is_student else "TeacherEnrollment"
        return {"Account": "AccountAdmin", "Course": in_course}.get(self.context_type())
