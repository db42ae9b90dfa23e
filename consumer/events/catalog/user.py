"""People: their names, and the accounts that they are in."""

from __future__ import annotations

from typing import ClassVar

from consumer.events.catalog.base import CanvasBody
from consumer.events.catalog.fields import Flag, GlobalId, OpaqueId, Text, Time, about


class User(CanvasBody):
    """What the events about a person have in common."""

    entity: ClassVar[tuple[str, str]] = ("user", "user_id")

    user_id: GlobalId = about("The person.", of="user", privacy="identifier")
    uuid: OpaqueId = about(
        "The person, as other services know them.", of="user", privacy="identifier"
    )
    name: Text = about("The full name.", privacy="identifier")
    short_name: Text = about("The name that others see.", privacy="identifier")
    user_login: Text = about("The login, which may be an e-mail address.", privacy="identifier")
    user_sis_id: OpaqueId = about(
        "The person in the student information system.", of="sis", privacy="identifier"
    )
    created_at: Time = about("When the person was added.")
    updated_at: Time = about("When that was last changed.")
    workflow_state: Text = about(
        "Where it stands.", values=("pre_registered", "registered", "creation_pending", "deleted")
    )


class UserCreated(User):
    """Somebody was added to Canvas."""

    event_name: ClassVar[str] = "user_created"


class UserUpdated(User):
    """Something about a person changed; often only that they have logged in."""

    event_name: ClassVar[str] = "user_updated"


class UserAccountAssociationCreated(CanvasBody):
    """A person came into an account."""

    event_name: ClassVar[str] = "user_account_association_created"
    entity: ClassVar[tuple[str, str]] = ("account", "account_id")

    user_id: GlobalId = about("The person.", of="user", privacy="identifier")
    account_id: GlobalId = about("The account.", of="account")
    account_uuid: OpaqueId = about("The account, as other services know it.", of="account")
    is_admin: Flag = about("The person is an administrator somewhere in the institution.")
    created_at: Time = about("When they came into it.")
    updated_at: Time = about("When that was last changed.")
