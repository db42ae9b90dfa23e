"""Accounts, and what is announced to all of an account."""

from __future__ import annotations

from typing import ClassVar

from consumer.events.catalog.base import CanvasBody
from consumer.events.catalog.fields import GlobalId, LocalId, OpaqueId, Text, Time, about


class Account(CanvasBody):
    """What the events about an account have in common."""

    entity: ClassVar[tuple[str, str]] = ("account", "account_id")

    account_id: LocalId = about("The account.", of="account")
    root_account_id: LocalId = about("The institution that it belongs to.", of="account")
    root_account_uuid: OpaqueId = about("The institution, as other services know it.", of="account")
    parent_account_id: LocalId = about("The account above it; null for the top.", of="account")
    name: Text = about("What it is called.")
    domain: Text = about("The host name under which it is reached.")
    external_status: Text = about("Its contract with Instructure.", values=("paid", "free"))
    workflow_state: Text = about("Where it stands.", values=("active", "deleted"))
    default_time_zone: Text = about("The time zone of who has not chosen one.")
    default_locale: Text = about("The language of who has not chosen one.", values=("en", "de"))


class AccountCreated(Account):
    """An account was made below the institution."""

    event_name: ClassVar[str] = "account_created"


class AccountUpdated(Account):
    """An account changed: its name, its place, its settings."""

    event_name: ClassVar[str] = "account_updated"


class AccountNotificationCreated(CanvasBody):
    """An announcement to everybody in an account was made."""

    event_name: ClassVar[str] = "account_notification_created"
    entity: ClassVar[tuple[str, str]] = ("account_notification", "account_notification_id")

    account_notification_id: GlobalId = about("The announcement.", of="account_notification")
    subject: Text = about("Its title.", truncated=True)
    message: Text = about("What it says, as HTML.", truncated=True)
    icon: Text = about(
        "The sign beside it.",
        values=("information", "warning", "error", "question", "calendar"),
    )
    start_at: Time = about("From when it is shown.")
    end_at: Time = about("Until when it is shown.")
