"""What people look at: the variants of asset_accessed, which is most of what Canvas sends."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from consumer.events.samples import words
from consumer.events.samples.cause import Cause

if TYPE_CHECKING:
    from consumer.events.samples.cause import Context
    from consumer.events.samples.scene import Scene


@dataclass(frozen=True, slots=True)
class Asset:
    """One variant: a thing, or with a subtype a list of things in it."""

    type: str
    subtype: str | None
    category: str
    path: str
    #: How often it comes, against the others.
    weight: int = 1
    context: Context = "Course"
    level: str | None = None


_COURSE, _GROUP, _API = "/courses/{course}", "/groups/{group}", "/api/v1/courses/{course}"
VARIANTS = (
    Asset("wiki_page", None, "wiki", _COURSE + "/pages/week-{week}?module_item_id={thing}", 20),
    Asset("course", "modules", "modules", _COURSE + "/modules", 12),
    Asset("course", "home", "home", _COURSE, 12),
    Asset("assignment", None, "assignments", _COURSE + "/assignments/{id}", 12),
    Asset("attachment", None, "files", _COURSE + "/files/{id}?module_item_id={thing}", 10),
    Asset("discussion_topic", None, "topics", _COURSE + "/discussion_topics/{id}", 6),
    Asset("quizzes:quiz", None, "quizzes", _COURSE + "/quizzes/{id}", 5),
    Asset("course", "grades", "grades", _COURSE + "/grades", 5),
    Asset("context_external_tool", None, "external_tools", _COURSE + "/external_tools/{id}", 5),
    Asset("course", "announcements", "announcements", _COURSE + "/announcements", 4),
    Asset("course", "assignments", "assignments", _API + "/assignments?per_page=50", 3),
    Asset("course", "files", "files", _API + "/files?sort=updated_at&order=desc", 2),
    Asset("course", "syllabus", "syllabus", _COURSE + "/assignments/syllabus", 2),
    Asset("course", "topics", "topics", _COURSE + "/discussion_topics", 2),
    Asset("course", "roster", "roster", _COURSE + "/users", 2),
    Asset("course", "quizzes", "quizzes", _COURSE + "/quizzes"),
    Asset("course", "pages", "pages", _COURSE + "/pages"),
    Asset("course", "outcomes", "outcomes", _COURSE + "/outcomes"),
    Asset("course", "collaborations", "collaborations", _COURSE + "/collaborations"),
    Asset("course", "conferences", "conferences", _COURSE + "/conferences"),
    Asset("content_tag", None, "external_urls", _COURSE + "/modules/items/{id}"),
    Asset("lti/tool_proxy", None, "external_tools", _COURSE + "/lti/resource/{thing}"),
    Asset("learning_outcome", None, "outcomes", _COURSE + "/outcomes/{id}"),
    Asset("web_conference", None, "conferences", _COURSE + "/conferences/{id}/join",
          level="participate"),
    Asset("calendar_event", None, "calendar", _COURSE + "/calendar_events/{id}"),
    Asset("collaboration", None, "collaborations", _COURSE + "/collaborations/{id}"),
    Asset("course", "speed_grader", "grades", _COURSE + "/gradebook/speed_grader"),
    Asset("group", "topics", "topics", _GROUP + "/discussion_topics", context="Group"),
    Asset("group", "roster", "roster", _GROUP + "/users", context="Group"),
    Asset("group", "files", "files", "/api/v1" + _GROUP + "/files", context="Group"),
    Asset("user", "files", "files", "/api/v1/users/{user}/files", context="User"),
    Asset("account", "outcomes", "outcomes", "/accounts/{account}/outcomes", context="Account"),
)  # fmt: skip
_DRAWN = tuple(variant for variant in VARIANTS for _ in range(variant.weight))
#: What the scene calls the thing.
_KINDS = {"quizzes:quiz": "quiz"}


def asset_of(scene: Scene) -> Asset:
    """Which variant the scene is."""
    return scene.once("asset", lambda dice: dice.pick(_DRAWN))


def number_of(scene: Scene) -> int:
    """The local id of the thing."""
    kind = asset_of(scene).type
    return scene.number(_KINDS.get(kind, kind))


def cause_of(scene: Scene) -> Cause:
    """The request that looks at it: mostly a student's, now and then a teacher's or nobody's."""
    asset, dice = asset_of(scene), scene.dice
    path = asset.path.format(
        course=scene.course.id,
        group=scene.item("group").id,
        account=scene.course.account.id,
        user=scene.subject.id,
        week=scene.item("wiki_page").week,
        id=number_of(scene),
        thing=dice.between(1_000, 9_000_000),
    )
    by_teacher = asset.subtype == "speed_grader" or dice.chance(0.1)
    return Cause(
        scene.course.teacher if by_teacher else scene.subject,
        asset.context,
        "GET",
        path,
        dice.uuid(),
        anonymous=asset.context == "Course" and dice.chance(0.02),
    )


def body_of(scene: Scene) -> dict[str, Any]:
    """The body in Canvas format; which fields there are depends on the variant."""
    asset, dice = asset_of(scene), scene.dice
    is_course = asset.context == "Course" and not scene.cause.anonymous
    name = _name(scene, asset)
    role = {"Course": scene.role(), "Group": "GroupMembership"}.get(asset.context)
    body: dict[str, Any] = {
        "asset_name": name,
        "asset_type": asset.type,
        "asset_id": str(scene.university.global_id(number_of(scene))),
        "asset_subtype": asset.subtype,
        "category": asset.category,
        "role": None if scene.cause.anonymous or dice.chance(0.2) else role,
        "level": asset.level,
    }
    if asset.type == "attachment":
        body |= {"filename": name.replace(" ", "+"), "display_name": name}
    if asset.type == "context_external_tool":
        address = f"https://tool.example.com/launch/{number_of(scene)}"
        body |= {"domain": "tool.example.com", "url": address if dice.chance(0.8) else None}
    if is_course and scene.cause.actor is scene.subject:
        body |= {"enrollment_id": str(scene.number("enrollment")),
                 "section_id": str(scene.section.id)}  # fmt: skip
    return {key: value for key, value in body.items() if value is not None or not scene.compact}


def _name(scene: Scene, asset: Asset) -> str:
    match asset.type:
        case "course":
            return scene.course.name
        case "account":
            return scene.course.account.name
        case "user":
            return scene.subject.name
        case "learning_outcome" | "web_conference" | "calendar_event" | "collaboration":
            return scene.once("name", lambda dice: dice.pick(words.TOPICS)).capitalize()
        case "lti/tool_proxy" | "content_tag":
            return scene.item("context_external_tool").title
    return scene.item(_KINDS.get(asset.type, asset.type)).title


#: In Caliper's words; everything else is an Entity.
_CALIPER_TYPES = {
    "assignment": "AssignableDigitalResource",
    "discussion_topic": "Thread",
    "quizzes:quiz": "Assessment",
    "wiki_page": "Page",
}


def caliper_type_of(scene: Scene) -> tuple[str, str]:
    """The type of the thing in Caliper's words, and its kind as Canvas calls it."""
    asset = asset_of(scene)
    return _CALIPER_TYPES.get(asset.type, "Entity"), asset.type
