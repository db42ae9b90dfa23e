"""The frame of the Caliper format: the envelope, and what all events have in common."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import (
    BeforeValidator,
    SerializeAsAny,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)

from consumer.errors import DecodeError
from consumer.events.caliper import name_of
from consumer.events.catalog.base import EventData, Record
from consumer.events.catalog.caliper.entities import (
    CAMEL_CASE,
    Actor,
    CourseGroup,
    Membership,
    Referrer,
    RequestExtensions,
    Session,
    SoftwareApplication,
    Thing,
)
from consumer.events.catalog.fields import Context, OpaqueId, Text, Time, about
from consumer.events.catalog.lookup import model_of

if TYPE_CHECKING:
    from consumer.messages import Format


class CaliperEvent(EventData):
    """Somebody did something to a thing: an event in Caliper format, whatever its name."""

    model_config = CAMEL_CASE
    event_format: ClassVar[Format | None] = "caliper"

    context: Context = about(
        "The vocabulary.",
        alias="@context",
        values=("http://purl.imsglobal.org/ctx/caliper/v1p1",),
    )
    id: OpaqueId = about("The event itself, as a URN with a UUID: the same in each copy of it.")
    type: Text = about(
        "The class of event, in Caliper's words.",
        values=(
            "Event",
            "AssessmentEvent",
            "AssignableEvent",
            "GradeEvent",
            "MessageEvent",
            "NavigationEvent",
            "SessionEvent",
            "ThreadEvent",
        ),
    )
    actor: Actor | None = about("Who did it.")
    action: Text = about(
        "What was done, in Caliper's words.",
        values=(
            "Created",
            "Modified",
            "Deleted",
            "Graded",
            "LoggedIn",
            "LoggedOut",
            "NavigatedTo",
            "Posted",
            "Submitted",
        ),
    )
    object: Thing | None = about("What it was done to.")
    event_time: Time = about("When it happened.")
    ed_app: SoftwareApplication | None = about("The Canvas that it happened in.")
    group: CourseGroup | None = about("The course or section that it happened in, if in any.")
    membership: Membership | None = about("The role there of who did it.")
    session: Session | None = about("The web session; absent for a job or an access token.")
    referrer: str | Referrer | None = about(
        "The page that the request came from: its address, or in other systems an entity.",
        privacy="secret",
    )
    extensions: RequestExtensions | None = about("The request or the job behind it.")


def _own_model(received: Any, validate: ValidatorFunctionWrapHandler) -> Any:
    """Each event as the model of its own name; as any event, if it has none or does not fit it."""
    if isinstance(received, Mapping):
        try:
            model = model_of(name_of(received), "caliper")
            if model is not None:
                return model.model_validate(received)
        except (DecodeError, ValidationError):
            pass
    return validate(received)


def _listed(received: Any) -> Any:
    return [received] if isinstance(received, Mapping) else received


class Envelope(Record):
    """A message in Caliper format; Canvas puts one event into each."""

    model_config = CAMEL_CASE

    sensor: Text = about("The address of the Canvas that sent it; www.canvaslms.com for a job.")
    send_time: Time = about("When it was sent; that may be long after the event.")
    data_version: Text = about(
        "The version of the format.", values=("http://purl.imsglobal.org/ctx/caliper/v1p1",)
    )
    data: Annotated[
        list[Annotated[SerializeAsAny[CaliperEvent], WrapValidator(_own_model)]] | None,
        BeforeValidator(_listed),
    ] = about("The event.")
