"""The things that events in Caliper format have in common: who, where, in which session."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import ConfigDict, StrictInt, StrictStr, model_validator
from pydantic.alias_generators import to_camel

from consumer.events.catalog.base import Record
from consumer.events.catalog.fields import AnyId, GlobalId, Is, OpaqueId, Text, Texts, about

#: Under this key Canvas puts what Caliper has no field for.
CANVAS_KEY = "com.instructure.canvas"

#: `urn:instructure:canvas:<kind>:<id>`, mostly with the global id; nested for a section:
#: `...:course:<id>:section:<id>`. `local_id` and its sisters read it.
Urn = Annotated[StrictStr | StrictInt | None, Is("id")]

#: Attributes are written as in Python, keys as in Caliper: `date_created`, "dateCreated".
CAMEL_CASE = ConfigDict(alias_generator=to_camel, populate_by_name=False)


class Entity(Record):
    """A thing that is only named: what type it is of, and which one."""

    model_config = CAMEL_CASE

    id: Urn = about("Its id, as a URN.")
    type: Text = about("What it is, in Caliper's words.")

    @model_validator(mode="before")
    @classmethod
    def _named_only(cls, received: Any) -> Any:
        # Caliper allows the id alone where an object is expected.
        return {"id": received} if isinstance(received, str) else received


class Extra(Record):
    """What Canvas tells of a thing beyond Caliper's own fields."""


class Extensions(Record):
    """What is told of a thing beyond Caliper's own fields, by who tells it."""

    model_config = CAMEL_CASE

    canvas: Extra | None = about("What Canvas adds.", alias=CANVAS_KEY)


class Thing(Entity):
    """What an event is about, whatever it is."""

    extensions: Extensions | None = about("What Canvas tells besides.")


class Person(Entity):
    """Somebody who has an account in Canvas."""

    id: Urn = about("The person, as a URN.", of="user", privacy="identifier")
    type: Text = about("What it is, in Caliper's words.", values=("Person",))


class ActorExtra(Extra):
    """Who acted, in Canvas's own terms, and for which institution."""

    entity_id: GlobalId = about(
        "The number in the URN of who acted.", of="user", privacy="identifier"
    )
    real_user_id: GlobalId = about(
        "Who really acted, when somebody acts as another user.", of="user", privacy="identifier"
    )
    user_login: Text = about(
        "The name they log in with; often an e-mail address. Only of requests.",
        privacy="identifier",
    )
    user_sis_id: OpaqueId = about(
        "Their id in the student information system. Only of requests.",
        of="user",
        privacy="identifier",
    )
    root_account_id: GlobalId = about("The institution.", of="account")
    root_account_uuid: OpaqueId = about("The institution, as a UUID.", of="account")
    root_account_lti_guid: OpaqueId = about("The institution, as LTI tools know it.", of="account")


class ActorExtensions(Extensions):
    """Who acted, in Canvas's own terms."""

    canvas: ActorExtra | None = about("What Canvas adds.", alias=CANVAS_KEY)


class Actor(Entity):
    """Who acted: a person, or Canvas itself for what needs no login (a feed, a public file)."""

    id: Urn = about(
        "The person as a URN, with user 0 for an unknown one; for software its address.",
        of="user",
        privacy="identifier",
    )
    type: Text = about(
        "Whether a person acted or software.", values=("Person", "SoftwareApplication")
    )
    extensions: ActorExtensions | None = about("Absent for software, and now and then otherwise.")


class SoftwareApplication(Entity):
    """A Canvas installation."""

    id: Text = about("Its address, with a slash at the end; www.canvaslms.com for a job.")
    type: Text = about("What it is, in Caliper's words.", values=("SoftwareApplication",))


class Referrer(Entity):
    """The page that a request came from."""

    id: Text = about("Its address.", privacy="secret")
    type: Text = about("What it is, in Caliper's words.", values=("WebPage",))


class Session(Entity):
    """The web session of a request."""

    id: OpaqueId = about("The session, as a URN that ends in its key.", privacy="secret")
    type: Text = about("What it is, in Caliper's words.", values=("Session",))


class CourseGroupExtra(Extra):
    """The context of the event, in Canvas's own terms."""

    context_type: Text = about(
        "Which kind of context it happened in.", values=("Course", "Group", "Account")
    )
    entity_id: AnyId = about("The context; of a section it is the course.", of="course")


class CourseGroupExtensions(Extensions):
    """The context of the event, in Canvas's own terms."""

    canvas: CourseGroupExtra | None = about("What Canvas adds.", alias=CANVAS_KEY)


class CourseGroup(Entity):
    """The course or section that it happened in."""

    id: Urn = about("The course or section, as a URN.", of="course")
    type: Text = about(
        "Whether it is a course or a section.", values=("CourseOffering", "CourseSection")
    )
    extensions: CourseGroupExtensions | None = about("The context, in Canvas's own terms.")


class CourseOffering(Entity):
    """The course that a section belongs to."""

    id: Urn = about("The course, as a URN.", of="course")
    type: Text = about("What it is, in Caliper's words.", values=("CourseOffering",))


class Organization(Entity):
    """The course or section in which somebody has a role."""

    id: Urn = about("The course or section, as a URN.", of="course")
    type: Text = about(
        "Whether it is a course or a section.", values=("CourseOffering", "CourseSection")
    )
    sub_organization_of: CourseOffering | None = about("The course, for a section.")


class Membership(Entity):
    """The role that who acted has in the course."""

    id: OpaqueId = about(
        "Course, role and user in one URN; the role may be missing.", privacy="identifier"
    )
    type: Text = about("What it is, in Caliper's words.", values=("Membership",))
    member: Person | None = about("Who acted.")
    organization: Organization | None = about("The course or section.")
    roles: Texts = about(
        "The roles there; absent without an enrollment.", values=("Learner", "Instructor")
    )


class RequestExtra(Extra):
    """Of a request: where it came from. Of a background job: which one it was."""

    hostname: Text = about("The host that was asked.", privacy="identifier")
    request_id: OpaqueId = about("The request; all events of one request share it.", of="request")
    request_url: Text = about("The address that was asked for.", privacy="secret")
    user_agent: Text = about("The browser or program.", privacy="identifier")
    client_ip: Text = about("Where the request came from, IPv4 or IPv6.", privacy="identifier")
    version: Text = about("Canvas's own version of the format.", values=("1.0.0",))
    job_id: OpaqueId = about("The background job; absent for a request.", of="job")
    job_tag: Text = about(
        "What the job did, as a method of Canvas; absent for a request.",
        values=("SIS::CSV::ImportRefactored#run_parallel_importer",),
    )


class RequestExtensions(Extensions):
    """The request or the job behind the event."""

    canvas: RequestExtra | None = about("What Canvas adds.", alias=CANVAS_KEY)
