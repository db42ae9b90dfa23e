"""What people look at: the variants of asset_accessed, which is most of what Canvas sends."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from consumer.events.samples.cause import Context


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

    @property
    def kind(self) -> str:
        """What the thing is called elsewhere in the samples."""
        return "quiz" if self.type == "quizzes:quiz" else self.type


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
#: Each as often as it weighs.
DRAWN = tuple(variant for variant in VARIANTS for _ in range(variant.weight))
