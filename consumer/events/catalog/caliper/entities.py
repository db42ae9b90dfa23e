"""Entities that several events in Caliper format contain: actor, course, session, attempt."""

from typing import Annotated, Any, Generic, TypeVar

from pydantic import ConfigDict, StrictInt, StrictStr, model_validator
from pydantic.alias_generators import to_camel

from consumer.events.catalog.base import Record
from consumer.events.catalog.fields import AnyId, GlobalId, Is, OpaqueId, Text, Texts, about

#: `urn:instructure:canvas:<kind>:<id>`, mostly with the global id; for a section nested:
#: `...:course:<id>:section:<id>`. `local_id` and similar functions take it.
Urn = Annotated[StrictStr | StrictInt | None, Is("id")]

#: Attributes are named as in Python, keys as in Caliper: `date_created`, "dateCreated".
CAMEL_CASE = ConfigDict(alias_generator=to_camel, populate_by_name=False)


class Entity(Record):
    """A reference to a thing: its type and id."""

    model_config = CAMEL_CASE

    id: Urn = about("ID, as a URN.")
    type: Text = about("Caliper type.")

    @model_validator(mode="before")
    @classmethod
    def _from_id(cls, received: Any) -> Any:
        # Caliper allows the id alone instead of an object.
        return {"id": received} if isinstance(received, str) else received


class Extra(Record):
    """Fields that Canvas adds to those of Caliper."""


ExtraT_co = TypeVar("ExtraT_co", bound=Extra, covariant=True)


class Extensions(Record, Generic[ExtraT_co]):
    """Fields that are not part of Caliper, by who adds them."""

    model_config = CAMEL_CASE

    canvas: ExtraT_co | None = about("Fields added by Canvas.", alias="com.instructure.canvas")

    @classmethod
    def model_parametrized_name(cls, params: tuple[Any, ...]) -> str:
        """AssignmentExtensions for Extensions[AssignmentExtra]: shown in schemas."""
        return f"{params[0].__name__.removesuffix('Extra')}Extensions"


class Thing(Entity):
    """The object of an event."""

    extensions: Extensions[Extra] | None = about("Additional fields.")


class Person(Entity):
    """A user of Canvas."""

    id: Urn = about("The user, as a URN.", of="user", privacy="identifier")
    type: Text = about("Caliper type.", values="Person")


class ActorExtra(Extra):
    entity_id: GlobalId = about("Number in the URN of the user.", of="user", privacy="identifier")
    real_user_id: GlobalId = about("Who acts as that user.", of="user", privacy="identifier")
    user_login: Text = about("Login, often an e-mail. Only for requests.", privacy="identifier")
    user_sis_id: OpaqueId = about("SIS ID. Only for requests.", of="sis", privacy="identifier")
    root_account_id: GlobalId = about("The root account (the institution).", of="account")
    root_account_uuid: OpaqueId = about("UUID of the root account.", of="account")
    root_account_lti_guid: OpaqueId = about("LTI ID of the root account.", of="account")


class Actor(Entity):
    """A user, or Canvas itself for what needs no login (a feed, a public file)."""

    id: Urn = about("User: a URN, 0 if unknown; software: a URL.", of="user", privacy="identifier")
    type: Text = about("Caliper type.", values="Person SoftwareApplication")
    extensions: Extensions[ActorExtra] | None = about("Additional fields; absent for software.")


class SoftwareApplication(Entity):
    """A Canvas installation."""

    id: Text = about("URL, with a slash at the end; www.canvaslms.com for a job.")
    type: Text = about("Caliper type.", values="SoftwareApplication")


class Referrer(Entity):
    """The page that a request came from."""

    id: Text = about("URL of the page.", privacy="secret")
    type: Text = about("Caliper type.", values="WebPage")


class Session(Entity):
    """The web session of a request."""

    id: OpaqueId = about("The session, as a URN that ends with its key.", privacy="secret")
    type: Text = about("Caliper type.", values="Session")


class CourseGroupExtra(Extra):
    context_type: Text = about("Type of the context.", values="Course Group Account")
    entity_id: AnyId = about("The context; for a section, its course.", of="course")


class CourseGroup(Entity):
    """The course or section where the event happened."""

    id: Urn = about("The course or section, as a URN.", of="course")
    type: Text = about("Caliper type.", values="CourseOffering CourseSection")
    extensions: Extensions[CourseGroupExtra] | None = about("Additional fields.")


class CourseOffering(Entity):
    """The course of a section."""

    id: Urn = about("The course, as a URN.", of="course")
    type: Text = about("Caliper type.", values="CourseOffering")


class Organization(Entity):
    """The course or section in which a user has a role."""

    id: Urn = about("The course or section, as a URN.", of="course")
    type: Text = about("Caliper type.", values="CourseOffering CourseSection")
    sub_organization_of: CourseOffering | None = about("For a section: its course.")


class Membership(Entity):
    """The roles of the actor in the course."""

    id: OpaqueId = about("Course, role (if any) and user in one URN.", privacy="identifier")
    type: Text = about("Caliper type.", values="Membership")
    member: Person | None = about("The actor.")
    organization: Organization | None = about("The course or section.")
    roles: Texts = about("Roles; absent without an enrollment.", values="Learner Instructor")


class RequestExtra(Extra):
    hostname: Text = about("Host name of the request.", privacy="identifier")
    request_id: OpaqueId = about("The request; its events have the same ID.", of="request")
    request_url: Text = about("URL of the request.", privacy="secret")
    user_agent: Text = about("User agent of the request.", privacy="identifier")
    client_ip: Text = about("IP address of the client, IPv4 or IPv6.", privacy="identifier")
    version: Text = about("Canvas's version of the format.", values="1.0.0")
    job_id: OpaqueId = about("The background job; absent for a request.", of="job")
    job_tag: Text = about(
        "Method that the job runs; absent for a request.",
        values="SIS::CSV::ImportRefactored#run_parallel_importer",
    )


class AssignedAssignment(Entity):
    """The assignment of an attempt."""

    id: Urn = about("The assignment, as a URN.", of="assignment")
    type: Text = about("Caliper type.", values="AssignableDigitalResource")


class AssignedQuiz(Entity):
    """The quiz of an attempt."""

    id: Urn = about("The quiz, as a URN.", of="quiz")
    type: Text = about("Caliper type.", values="Assessment")


class Attempt(Thing):
    """An attempt of a student."""

    id: Urn = about("The submission, as a URN.", of="submission")
    type: Text = about("Caliper type.", values="Attempt")
    assignee: Person | None = about("The student.")


class AttemptExtra(Extra):
    entity_id: GlobalId = about("Number in the URN of the submission.", of="submission")
