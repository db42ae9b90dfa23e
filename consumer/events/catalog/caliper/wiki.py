"""Pages, in Caliper format."""

from __future__ import annotations

from typing import ClassVar

from consumer.events.catalog.caliper.entities import CANVAS_KEY, Extensions, Extra, Thing, Urn
from consumer.events.catalog.caliper.envelope import CaliperEvent
from consumer.events.catalog.fields import GlobalId, Text, about


class WikiPageExtra(Extra):
    """What Canvas tells of a page besides."""

    entity_id: GlobalId = about("The number in the URN of the page.", of="wiki_page")
    body: Text = about(
        "What it says, as HTML; absent when it was deleted.", privacy="education", truncated=True
    )


class WikiPageExtensions(Extensions):
    """What Canvas tells of a page besides."""

    canvas: WikiPageExtra | None = about("What Canvas adds.", alias=CANVAS_KEY)


class WikiPage(Thing):
    """A page."""

    id: Urn = about("The page, as a URN.", of="wiki_page")
    type: Text = about("What it is, in Caliper's words.", values=("Page",))
    name: Text = about("Its title.", privacy="education", truncated=True)
    extensions: WikiPageExtensions | None = about("What Canvas tells besides.")


class WikiPageCreated(CaliperEvent):
    """Somebody made a page."""

    event_name: ClassVar[str] = "wiki_page_created"

    object: WikiPage | None = about("The page.")


class WikiPageUpdated(CaliperEvent):
    """The title or the text of a page changed."""

    event_name: ClassVar[str] = "wiki_page_updated"

    object: WikiPage | None = about("The page.")


class WikiPageDeleted(CaliperEvent):
    """A page was deleted."""

    event_name: ClassVar[str] = "wiki_page_deleted"

    object: WikiPage | None = about("The page.")
