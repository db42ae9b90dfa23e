"""Pages of courses and groups."""

from __future__ import annotations

from typing import ClassVar

from consumer.events.catalog.base import CanvasBody
from consumer.events.catalog.fields import GlobalId, Text, about


class WikiPage(CanvasBody):
    """What the events about a page have in common."""

    entity: ClassVar[tuple[str, str]] = ("wiki_page", "wiki_page_id")

    wiki_page_id: GlobalId = about("The page.", of="wiki_page")
    title: Text = about("What it is called.", truncated=True)


class WikiPageCreated(WikiPage):
    """A page was made."""

    event_name: ClassVar[str] = "wiki_page_created"

    body: Text = about("What it says, as HTML.", truncated=True)


class WikiPageUpdated(WikiPage):
    """The title or the text of a page changed, or it was deleted."""

    event_name: ClassVar[str] = "wiki_page_updated"

    body: Text = about("What it says now, as HTML.", truncated=True)
    workflow_state: Text = about(
        "Where it stands. Newer versions only.", values=("active", "unpublished", "deleted")
    )
    old_title: Text = about("The title before, if that changed.", truncated=True)
    old_body: Text = about("The text before, if that changed.", truncated=True)


class WikiPageDeleted(WikiPage):
    """A page was deleted."""

    event_name: ClassVar[str] = "wiki_page_deleted"
