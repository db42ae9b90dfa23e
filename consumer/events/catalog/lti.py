"""Links to LTI tools."""

from __future__ import annotations

from typing import ClassVar

from consumer.events.catalog.base import CanvasBody
from consumer.events.catalog.fields import GlobalId, OpaqueId, Text, about


class LtiResourceLink(CanvasBody):
    """What the events about a link to an LTI tool have in common."""

    entity: ClassVar[tuple[str, str]] = ("lti_resource_link", "resource_link_id")

    resource_link_id: GlobalId = about("The link.", of="lti_resource_link")
    resource_link_uuid: OpaqueId = about(
        "The link, as LTI tools know it.", of="lti_resource_link", privacy="secret"
    )
    lookup_uuid: OpaqueId = about(
        "What the link is found by when it is opened.", of="lti_resource_link", privacy="secret"
    )
    context_id: GlobalId = about("Where it is; `context_type` says in what.", of="context")
    context_type: Text = about("What it is in.", values=("Course", "Assignment", "Account"))
    context_external_tool_id: GlobalId = about("The tool.", of="context_external_tool")
    url: Text = about("The tool's address of the content.", privacy="secret")
    title: Text = about("What it is called.")
    workflow_state: Text = about("Where it stands.", values=("active", "deleted"))


class LtiResourceLinkCreated(LtiResourceLink):
    """A link to an LTI tool was made."""

    event_name: ClassVar[str] = "lti_resource_link_created"


class LtiResourceLinkUpdated(LtiResourceLink):
    """A link to an LTI tool changed, or was deleted."""

    event_name: ClassVar[str] = "lti_resource_link_updated"
