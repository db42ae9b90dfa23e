"""Looking at things, in Caliper format."""

from __future__ import annotations

from typing import ClassVar

from consumer.events.catalog.caliper.entities import CANVAS_KEY, Extensions, Extra, Thing, Urn
from consumer.events.catalog.caliper.envelope import CaliperEvent
from consumer.events.catalog.fields import GlobalId, Text, about


class AssetExtra(Extra):
    """What was looked at, in Canvas's own terms."""

    entity_id: GlobalId = about("The number in the URN of the thing.")
    asset_type: Text = about(
        "What it is, in Canvas's words.",
        values=(
            "course",
            "assignment",
            "wiki_page",
            "attachment",
            "discussion_topic",
            "quizzes:quiz",
            "context_external_tool",
            "content_tag",
            "account",
            "calendar_event",
            "collaboration",
            "enrollment",
            "group",
            "learning_outcome",
            "lti/tool_proxy",
            "user",
            "web_conference",
        ),
    )
    asset_subtype: Text = about(
        "If set, it was not the thing itself but this list in it.",
        values=(
            "announcements",
            "assignments",
            "calendar_feed",
            "collaborations",
            "conferences",
            "files",
            "grades",
            "home",
            "modules",
            "outcomes",
            "pages",
            "quizzes",
            "roster",
            "speed_grader",
            "syllabus",
            "topics",
        ),
    )
    asset_name: Text = about(
        "Its name or title; a person's name where it is a user.", privacy="identifier"
    )
    context_account_id: GlobalId = about("The account of the context.", of="account")
    http_method: Text = about("The method of the request.", values=("GET", "POST", "PUT"))
    developer_key_id: GlobalId = about(
        "The key behind the access token, for a request of the API.", of="developer_key"
    )
    filename: Text = about("Of a file: its name in the store.", privacy="education", truncated=True)
    display_name: Text = about(
        "Of a file: its name as it is shown.", privacy="education", truncated=True
    )
    domain: Text = about("Of an external tool: its domain.")
    url: Text = about("Of an external tool: its address.")


class AssetExtensions(Extensions):
    """What was looked at, in Canvas's own terms."""

    canvas: AssetExtra | None = about("What Canvas adds.", alias=CANVAS_KEY)


class Asset(Thing):
    """What was looked at: a thing, or a list of things in it."""

    id: Urn = about("The thing, as a URN.")
    type: Text = about(
        "What it is, in Caliper's words; Entity for what those don't have.",
        values=(
            "Entity",
            "AssignableDigitalResource",
            "Page",
            "Thread",
            "CourseOffering",
            "Assessment",
        ),
    )
    name: Text = about("The list, or what it is; not its title. Only of an Entity.")
    extensions: AssetExtensions | None = about("What Canvas tells besides.")


class AssetAccessed(CaliperEvent):
    """Somebody looked at something: a page, a file, a list of assignments."""

    event_name: ClassVar[str] = "asset_accessed"

    object: Asset | None = about("What was looked at.")
