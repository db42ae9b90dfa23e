"""Users in accounts, in Caliper format."""

from __future__ import annotations

from typing import ClassVar

from consumer.events.catalog.caliper.entities import CANVAS_KEY, Extensions, Extra, Thing, Urn
from consumer.events.catalog.caliper.envelope import CaliperEvent
from consumer.events.catalog.fields import Flag, GlobalId, Text, Time, about


class UserAccountAssociationExtra(Extra):
    """Who belongs to the account now."""

    entity_id: GlobalId = about(
        "The number in the URN of the account; mostly absent.", of="account"
    )
    user_id: Urn = about(
        "Who belongs to the account now, as a URN.", of="user", privacy="identifier"
    )
    is_admin: Flag = about("Whether they administer something in the institution.")


class UserAccountAssociationExtensions(Extensions):
    """Who belongs to the account now."""

    canvas: UserAccountAssociationExtra | None = about("What Canvas adds.", alias=CANVAS_KEY)


class UserAccountAssociation(Thing):
    """The account that somebody belongs to now."""

    id: Urn = about("The account, as a URN.", of="account")
    type: Text = about("What it is, in Caliper's words.", values=("Entity",))
    date_created: Time = about("When they came to belong to it.")
    date_modified: Time = about("When that was last changed.")
    extensions: UserAccountAssociationExtensions | None = about("Who belongs to it now.")


class UserAccountAssociationCreated(CaliperEvent):
    """Somebody came to belong to an account."""

    event_name: ClassVar[str] = "user_account_association_created"

    object: UserAccountAssociation | None = about("The account.")
