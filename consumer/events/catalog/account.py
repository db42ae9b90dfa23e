"""Accounts, users, logins and SIS imports."""

from .base import CanvasBody
from .fields import Flag, GlobalId, LocalId, OpaqueId, Text, Time, about


class Account(CanvasBody, abstract=True):
    account_id: LocalId = about("The account.", of="account")
    root_account_id: LocalId = about("The root account (the institution).", of="account")
    root_account_uuid: OpaqueId = about("UUID of the root account.", of="account")
    parent_account_id: LocalId = about("The parent account; null for the root.", of="account")
    name: Text = about("Name.")
    domain: Text = about("Host name of the account.")
    external_status: Text = about("Contract with Instructure.", values="paid free")
    workflow_state: Text = about("State.", values="active deleted")
    default_time_zone: Text = about("Time zone of users who did not choose one.")
    default_locale: Text = about("Language of users who did not choose one.", values="en de")


class AccountCreated(Account):
    """A subaccount was created."""


class AccountUpdated(Account):
    """An account changed: its name, parent account or settings."""


class AccountNotificationCreated(CanvasBody):
    """An announcement to all users of an account was created."""

    account_notification_id: GlobalId = about("The announcement.", of="account_notification")
    subject: Text = about("Title.", truncated=True)
    message: Text = about("Text, as HTML.", truncated=True)
    icon: Text = about("Icon.", values="information warning error question calendar")
    start_at: Time = about("Shown from this time.")
    end_at: Time = about("Shown until this time.")


class LoggedIn(CanvasBody):
    """A user logged in."""

    redirect_url: Text = about("The requested URL; null for the dashboard.", privacy="secret")


class LoggedOut(CanvasBody):
    """A user logged out; the metadata says who."""


class SisBatch(CanvasBody, abstract=True):
    sis_batch_id: LocalId = about("The SIS import.", of="sis_batch")
    account_id: LocalId = about("The account that it imports into.", of="account")
    workflow_state: Text = about(
        "State.",
        values="initializing created importing imported imported_with_messages failed "
        "failed_with_messages",
    )


class SisBatchCreated(SisBatch):
    """An import from a student information system (SIS) was created."""


class SisBatchUpdated(SisBatch):
    """An import from a student information system (SIS) progressed, finished, or failed."""


class User(CanvasBody, abstract=True):
    user_id: GlobalId = about("The user.", of="user", privacy="identifier")
    uuid: OpaqueId = about("UUID of the user.", of="user", privacy="identifier")
    name: Text = about("Full name.", privacy="identifier")
    short_name: Text = about("Display name.", privacy="identifier")
    user_login: Text = about("Login, often an e-mail address.", privacy="identifier")
    user_sis_id: OpaqueId = about("SIS ID of the user.", of="sis", privacy="identifier")
    created_at: Time = about("When the user was created.")
    updated_at: Time = about("When the user was last changed.")
    workflow_state: Text = about(
        "State.", values="pre_registered registered creation_pending deleted"
    )


class UserCreated(User):
    """A user was created."""


class UserUpdated(User):
    """A user changed; often only because they logged in."""


class UserAccountAssociationCreated(CanvasBody, entity=("account", "account_id")):
    """A user was added to an account."""

    user_id: GlobalId = about("The user.", of="user", privacy="identifier")
    account_id: GlobalId = about("The account.", of="account")
    account_uuid: OpaqueId = about("UUID of the account.", of="account")
    is_admin: Flag = about("True if the user is an administrator of any account.")
    created_at: Time = about("When the user was added.")
    updated_at: Time = about("When the association was last changed.")
