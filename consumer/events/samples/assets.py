"""What is looked at, as both formats tell it: the bodies of asset_accessed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from consumer.events.samples import words

if TYPE_CHECKING:
    from consumer.events.samples.scene import Scene
    from consumer.events.samples.variants import Asset


def body_of(scene: Scene) -> dict[str, Any]:
    """The body in Canvas format; which fields there are depends on the variant."""
    asset, dice = scene.asset(), scene.dice
    is_course = asset.context == "Course" and not scene.cause.anonymous
    name = _name(scene, asset)
    role = {"Course": scene.role(), "Group": "GroupMembership"}.get(asset.context)
    body: dict[str, Any] = {
        "asset_name": name,
        "asset_type": asset.type,
        "asset_id": str(scene.university.global_id(scene.asset_number())),
        "asset_subtype": asset.subtype,
        "category": asset.category,
        "role": None if scene.cause.anonymous or dice.chance(0.2) else role,
        "level": asset.level,
    }
    if asset.type == "attachment":
        body |= {"filename": name.replace(" ", "+"), "display_name": name}
    if asset.type == "context_external_tool":
        address = f"https://tool.example.com/launch/{scene.asset_number()}"
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
    return scene.item(asset.kind).title


#: In Caliper's words; everything else is an Entity.
_CALIPER_TYPES = {
    "assignment": "AssignableDigitalResource",
    "discussion_topic": "Thread",
    "quizzes:quiz": "Assessment",
    "wiki_page": "Page",
}


def caliper_type_of(scene: Scene) -> tuple[str, str]:
    """The type of the thing in Caliper's words, and its kind as Canvas calls it."""
    asset = scene.asset()
    return _CALIPER_TYPES.get(asset.type, "Entity"), asset.type
