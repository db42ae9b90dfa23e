"""The envelope of the Caliper format, and the common fields of all events in it."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Generic, TypeVar

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
from consumer.events.catalog.fields import Context, OpaqueId, Text, Time, about
from consumer.events.catalog.index import model_of
from consumer.messages import Format

from .entities import (
    CAMEL_CASE,
    Actor,
    CourseGroup,
    Extensions,
    Membership,
    Referrer,
    RequestExtra,
    Session,
    SoftwareApplication,
    Thing,
)


class CaliperEvent(EventData, abstract=True):
    """Any event in Caliper format."""

    model_config = CAMEL_CASE
    event_format: ClassVar[Format | None] = "caliper"

    context: Context = about(
        "The vocabulary.", alias="@context", values="http://purl.imsglobal.org/ctx/caliper/v1p1"
    )
    id: OpaqueId = about("ID of the event, as a URN with a UUID; equal in each copy of it.")
    type: Text = about(
        "Caliper type of the event.",
        values="Event AssessmentEvent AssignableEvent GradeEvent MessageEvent NavigationEvent "
        "SessionEvent ThreadEvent",
    )
    actor: Actor | None = about("Who did it.")
    action: Text = about(
        "Caliper action.",
        values="Created Modified Deleted Graded LoggedIn LoggedOut NavigatedTo Posted Submitted",
    )
    object: Thing | None = about("What was acted on.")
    event_time: Time = about("When it happened.")
    ed_app: SoftwareApplication | None = about("The Canvas installation.")
    group: CourseGroup | None = about("The course or section, if any.")
    membership: Membership | None = about("The roles of the actor in it.")
    session: Session | None = about("The web session; absent for a job or an access token.")
    referrer: str | Referrer | None = about(
        "The page that the request came from: its URL, or in other systems an entity.",
        privacy="secret",
    )
    extensions: Extensions[RequestExtra] | None = about("The request or the background job.")


ThingT_co = TypeVar("ThingT_co", bound=Thing, covariant=True)


class EventAbout(CaliperEvent, Generic[ThingT_co], abstract=True):
    """An event whose object has a known model."""

    object: ThingT_co | None = about("What was acted on.")


def _own_model(received: Any, validate: ValidatorFunctionWrapHandler) -> Any:
    """Each event as its own model; as a `CaliperEvent` if it has none or does not fit it."""
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
    """A message in Caliper format. Canvas puts one event into each."""

    model_config = CAMEL_CASE

    sensor: Text = about("URL of the Canvas that sent it; www.canvaslms.com for a job.")
    send_time: Time = about("When it was sent, which may be long after the event.")
    data_version: Text = about(
        "The version of the format.", values="http://purl.imsglobal.org/ctx/caliper/v1p1"
    )
    data: Annotated[
        list[Annotated[SerializeAsAny[CaliperEvent], WrapValidator(_own_model)]] | None,
        BeforeValidator(_listed),
    ] = about("The event.")
