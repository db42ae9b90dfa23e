"""What was looked at: the most frequent event by far."""

from __future__ import annotations

from typing import ClassVar

from consumer.events.catalog.base import CanvasBody
from consumer.events.catalog.fields import GlobalId, LocalId, Text, about


class AssetAccessed(CanvasBody):
    """Somebody looked at something: a page, a file, a quiz, a list of them."""

    event_name: ClassVar[str] = "asset_accessed"
    entity: ClassVar[tuple[str, str]] = ("asset", "asset_id")

    asset_id: GlobalId = about("What was looked at; `asset_type` says of what kind.", of="asset")
    asset_type: Text = about(
        "Its kind. With a subtype: where the list is that was looked at.",
        values=(
            "course",
            "wiki_page",
            "attachment",
            "assignment",
            "quizzes:quiz",
            "discussion_topic",
            "context_external_tool",
            "group",
            "user",
        ),
    )
    asset_name: Text = about("What it is called.", privacy="education")
    asset_subtype: Text = about(
        "Which list of it was looked at; null if it was one thing.",
        values=("home", "modules", "files", "assignments", "grades", "roster", "topics"),
    )
    category: Text = about(
        "The area of Canvas.",
        values=("wiki", "files", "assignments", "quizzes", "topics", "external_tools", "home"),
    )
    role: Text = about(
        "As what the person may see it.",
        values=("StudentEnrollment", "TeacherEnrollment", "TaEnrollment", "GroupMembership"),
    )
    level: Text = about("How far the person went.", values=("participate", "submit"))
    enrollment_id: LocalId = about("The enrollment of who looked.", of="enrollment")
    section_id: LocalId = about("The section of that enrollment.", of="course_section")
    domain: Text = about("The tool's host, where a tool was opened.")
    url: Text = about("The tool's address, where a tool was opened.", privacy="secret")
    filename: Text = about("The file's name in the store of files.", privacy="education")
    display_name: Text = about("The file's name as it is shown.", privacy="education")
