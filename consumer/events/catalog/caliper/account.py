"""Logins and users in accounts, in Caliper format."""

from consumer.events.catalog.fields import Flag, GlobalId, Text, Time, about

from .entities import Extensions, Extra, Thing, Urn
from .envelope import EventAbout


class LoginExtra(Extra):
    redirect_url: Text = about("The requested URL; absent for none.", privacy="secret")


class Site(Thing):
    """A Canvas installation."""

    id: Text = about("Its URL, with a slash at the end.")
    type: Text = about("Caliper type.", values="SoftwareApplication")


class LoginSite(Site):
    """The Canvas installation that a user logged in to."""

    extensions: Extensions[LoginExtra] | None = about("The target of the login.")


class LoggedIn(EventAbout[LoginSite]):
    """A user logged in."""


class LoggedOut(EventAbout[Site]):
    """A user logged out."""


class UserAccountAssociationExtra(Extra):
    entity_id: GlobalId = about("Number in the URN of the account; often absent.", of="account")
    user_id: Urn = about("The user, as a URN.", of="user", privacy="identifier")
    is_admin: Flag = about("True if the user is an administrator of any account.")


class UserAccountAssociation(Thing):
    """The account that the user was added to."""

    id: Urn = about("The account, as a URN.", of="account")
    type: Text = about("Caliper type.", values="Entity")
    date_created: Time = about("When the user was added.")
    date_modified: Time = about("When the association was last changed.")
    extensions: Extensions[UserAccountAssociationExtra] | None = about("The user.")


class UserAccountAssociationCreated(EventAbout[UserAccountAssociation]):
    """A user was added to an account."""
