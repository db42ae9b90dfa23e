"""Logging in and out."""

from __future__ import annotations

from typing import ClassVar

from consumer.events.catalog.base import CanvasBody
from consumer.events.catalog.fields import Text, about


class LoggedIn(CanvasBody):
    """Somebody logged in."""

    event_name: ClassVar[str] = "logged_in"

    redirect_url: Text = about(
        "The address that they came for; null for the dashboard.", privacy="secret"
    )


class LoggedOut(CanvasBody):
    """Somebody logged out; who, is in the metadata."""

    event_name: ClassVar[str] = "logged_out"
