"""Logins and logouts, in Caliper format."""

from __future__ import annotations

from typing import ClassVar

from consumer.events.catalog.caliper.entities import CANVAS_KEY, Extensions, Extra, Thing
from consumer.events.catalog.caliper.envelope import CaliperEvent
from consumer.events.catalog.fields import Text, about


class LoginExtra(Extra):
    """Where a login led."""

    redirect_url: Text = about(
        "The page that they came for and were sent to; absent without one.", privacy="secret"
    )


class LoginExtensions(Extensions):
    """Where a login led."""

    canvas: LoginExtra | None = about("What Canvas adds.", alias=CANVAS_KEY)


class Site(Thing):
    """The Canvas that somebody logged in to or out of."""

    id: Text = about("Its address, with a slash at the end.")
    type: Text = about("What it is, in Caliper's words.", values=("SoftwareApplication",))


class LoginSite(Site):
    """The Canvas that somebody logged in to."""

    extensions: LoginExtensions | None = about("Where the login led.")


class LoggedIn(CaliperEvent):
    """Somebody logged in."""

    event_name: ClassVar[str] = "logged_in"

    object: LoginSite | None = about("The Canvas that they logged in to.")


class LoggedOut(CaliperEvent):
    """Somebody logged out."""

    event_name: ClassVar[str] = "logged_out"

    object: Site | None = about("The Canvas that they logged out of.")
