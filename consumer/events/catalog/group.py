"""Groups of students, their sets, and who is in them."""

from __future__ import annotations

from typing import ClassVar

from consumer.events.catalog.base import CanvasBody
from consumer.events.catalog.fields import GlobalId, Integer, LocalId, OpaqueId, Text, about


class Group(CanvasBody):
    """What the events about a group have in common."""

    entity: ClassVar[tuple[str, str]] = ("group", "group_id")

    group_id: GlobalId = about("The group.", of="group")
    group_name: Text = about("What it is called.")
    uuid: OpaqueId = about("The group, as other services know it.", of="group")
    group_category_id: GlobalId = about("The set that it is in.", of="group_category")
    group_category_name: Text = about("What the set is called.")
    context_id: GlobalId = about("Where it is; `context_type` says in what.", of="context")
    context_type: Text = about("What it is in.", values=("Course", "Account"))
    account_id: GlobalId = about("The account.", of="account")
    max_membership: Integer = about("How many may be in it; null for any number.")
    workflow_state: Text = about("Where it stands.", values=("available", "deleted"))


class GroupCreated(Group):
    """A group was made."""

    event_name: ClassVar[str] = "group_created"


class GroupUpdated(Group):
    """A group changed, or was deleted."""

    event_name: ClassVar[str] = "group_updated"


class GroupCategory(CanvasBody):
    """What the events about a set of groups have in common."""

    entity: ClassVar[tuple[str, str]] = ("group_category", "group_category_id")

    group_category_id: GlobalId = about("The set of groups.", of="group_category")
    group_category_name: Text = about("What it is called.")
    context_id: LocalId = about("Where it is; `context_type` says in what.", of="context")
    context_type: Text = about("What it is in.", values=("Course", "Account"))
    group_limit: Integer = about("How many may be in one of its groups; null for any number.")


class GroupCategoryCreated(GroupCategory):
    """A set of groups was made."""

    event_name: ClassVar[str] = "group_category_created"


class GroupCategoryUpdated(GroupCategory):
    """A set of groups changed."""

    event_name: ClassVar[str] = "group_category_updated"


class GroupMembership(CanvasBody):
    """What the events about somebody in a group have in common."""

    entity: ClassVar[tuple[str, str]] = ("group_membership", "group_membership_id")

    group_membership_id: GlobalId = about("The membership.", of="group_membership")
    user_id: GlobalId = about("Who is in the group.", of="user", privacy="identifier")
    group_id: GlobalId = about("The group.", of="group")
    group_name: Text = about("What it is called.")
    group_category_id: GlobalId = about("The set that it is in.", of="group_category")
    group_category_name: Text = about("What the set is called.")
    workflow_state: Text = about(
        "Where it stands.", values=("accepted", "invited", "requested", "deleted")
    )


class GroupMembershipCreated(GroupMembership):
    """Somebody came into a group."""

    event_name: ClassVar[str] = "group_membership_created"


class GroupMembershipUpdated(GroupMembership):
    """Somebody's place in a group changed, or they left it."""

    event_name: ClassVar[str] = "group_membership_updated"
