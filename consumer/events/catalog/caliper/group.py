"""Groups, in Caliper format."""

from __future__ import annotations

from typing import ClassVar

from consumer.events.catalog.caliper.entities import (
    CANVAS_KEY,
    Entity,
    Extensions,
    Extra,
    Person,
    Thing,
    Urn,
)
from consumer.events.catalog.caliper.envelope import CaliperEvent
from consumer.events.catalog.fields import GlobalId, Text, Texts, about


class GroupCategoryId(Extra):
    """The group set as a number."""

    entity_id: GlobalId = about("The number in the URN of the group set.", of="group_category")


class GroupCategoryExtensions(Extensions):
    """The group set as a number."""

    canvas: GroupCategoryId | None = about("What Canvas adds.", alias=CANVAS_KEY)


class GroupCategory(Thing):
    """A group set."""

    id: Urn = about("The group set, as a URN.", of="group_category")
    type: Text = about("What it is, in Caliper's words.", values=("Entity",))
    name: Text = about("Its name.")
    extensions: GroupCategoryExtensions | None = about("What Canvas tells besides.")


class GroupCategoryCreated(CaliperEvent):
    """A group set was made."""

    event_name: ClassVar[str] = "group_category_created"

    object: GroupCategory | None = about("The group set.")


class GroupSet(Entity):
    """The group set that a group belongs to."""

    id: Urn = about("The group set, as a URN.", of="group_category")
    type: Text = about("What it is, in Caliper's words.", values=("Entity",))
    name: Text = about("Its name.")


class GroupId(Extra):
    """A group as a number."""

    entity_id: GlobalId = about(
        "The number in its URN; inside of a membership that of the membership."
    )


class GroupExtensions(Extensions):
    """A group as a number."""

    canvas: GroupId | None = about("What Canvas adds.", alias=CANVAS_KEY)


class Group(Thing):
    """A group."""

    id: Urn = about("The group, as a URN.", of="group")
    type: Text = about("What it is, in Caliper's words.", values=("Group",))
    name: Text = about("Its name.")
    is_part_of: GroupSet | None = about("The group set.")
    extensions: GroupExtensions | None = about("What Canvas tells besides.")


class GroupCreated(CaliperEvent):
    """A group was made."""

    event_name: ClassVar[str] = "group_created"

    object: Group | None = about("The group.")


class GroupMembership(Thing):
    """Somebody's place in a group."""

    id: Urn = about("The membership, as a URN.", of="group_membership")
    type: Text = about("What it is, in Caliper's words.", values=("Membership",))
    member: Person | None = about("Who joined.")
    organization: Group | None = about("The group.")
    roles: Texts = about("The roles in the group; mostly absent.", values=("Member",))


class GroupMembershipCreated(CaliperEvent):
    """Somebody joined a group, or was put into it."""

    event_name: ClassVar[str] = "group_membership_created"

    object: GroupMembership | None = about("The membership.")
