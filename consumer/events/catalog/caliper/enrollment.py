"""Enrollments and their states, groups and their members, in Caliper format."""

from consumer.events.catalog.fields import Flag, GlobalId, Text, Texts, Time, about

from .entities import Entity, Extensions, Extra, Person, Thing, Urn
from .envelope import EventAbout


class EnrollmentExtra(Extra):
    entity_id: GlobalId = about("Number in the URN of the enrollment.", of="enrollment")
    course_id: Urn = about("The course, as a URN.", of="course")
    course_section_id: Urn = about("The section, as a URN after its course's.", of="course_section")
    user_id: Urn = about("The enrolled user, as a URN.", of="user", privacy="identifier")
    user_name: Text = about("Full name of the user.", privacy="identifier")
    type: Text = about(
        "Role.",
        values="StudentEnrollment TeacherEnrollment TaEnrollment DesignerEnrollment "
        "ObserverEnrollment StudentViewEnrollment",
    )
    limit_privileges_to_course_section: Flag = about("True if they see their own section only.")
    workflow_state: Text = about(
        "State.", values="active invited creation_pending completed inactive deleted"
    )


class Enrollment(Thing):
    """An enrollment of a user in a course."""

    id: Urn = about("The enrollment, as a URN.", of="enrollment")
    type: Text = about("Caliper type.", values="Entity")
    date_created: Time = about("When it was created.")
    date_modified: Time = about("When it was last changed.")
    extensions: Extensions[EnrollmentExtra] | None = about("User, course and role.")


class EnrollmentCreated(EventAbout[Enrollment]):
    """A user was enrolled in a course."""


class EnrollmentUpdated(EventAbout[Enrollment]):
    """An enrollment changed: accepted, concluded, deleted."""


class EnrollmentStateExtra(Extra):
    entity_id: GlobalId = about("Number in the URN of the enrollment.", of="enrollment")
    state: Text = about(
        "State that follows from dates and publication.",
        values="active invited pending_active pending_invited completed inactive deleted",
    )
    state_is_current: Flag = about("False if the state must be recalculated.")
    state_valid_until: Time = about("Valid until this time; absent for no end.")
    restricted_access: Flag = about("True if a date denies the user access.")
    access_is_current: Flag = about("False if the access must be recalculated.")


class EnrollmentState(Thing):
    """The effective state of an enrollment."""

    id: Urn = about("The enrollment, as a URN.", of="enrollment")
    type: Text = about("Caliper type.", values="Entity")
    started_at_time: Time = about("When the state began.")
    extensions: Extensions[EnrollmentStateExtra] | None = about("The state.")


class EnrollmentStateCreated(EventAbout[EnrollmentState]):
    """The effective state of an enrollment was calculated for the first time."""


class EnrollmentStateUpdated(EventAbout[EnrollmentState]):
    """The effective state of an enrollment changed, by a user or because of a date."""


class GroupCategoryExtra(Extra):
    entity_id: GlobalId = about("Number in the URN of the group set.", of="group_category")


class GroupSet(Entity):
    """The group set of a group."""

    id: Urn = about("The group set, as a URN.", of="group_category")
    type: Text = about("Caliper type.", values="Entity")
    name: Text = about("Name.")


class GroupCategory(Thing):
    """A group set."""

    id: Urn = about("The group set, as a URN.", of="group_category")
    type: Text = about("Caliper type.", values="Entity")
    name: Text = about("Name.")
    extensions: Extensions[GroupCategoryExtra] | None = about("Additional fields.")


class GroupCategoryCreated(EventAbout[GroupCategory]):
    """A group set was created."""


class GroupExtra(Extra):
    entity_id: GlobalId = about("Number in the URN; in a membership, that of the membership.")


class Group(Thing):
    """A group."""

    id: Urn = about("The group, as a URN.", of="group")
    type: Text = about("Caliper type.", values="Group")
    name: Text = about("Name.")
    is_part_of: GroupSet | None = about("The group set.")
    extensions: Extensions[GroupExtra] | None = about("Additional fields.")


class GroupCreated(EventAbout[Group]):
    """A group was created."""


class GroupMembership(Thing):
    """The membership of a user in a group."""

    id: Urn = about("The membership, as a URN.", of="group_membership")
    type: Text = about("Caliper type.", values="Membership")
    member: Person | None = about("The member.")
    organization: Group | None = about("The group.")
    roles: Texts = about("Roles in the group; often absent.", values="Member")


class GroupMembershipCreated(EventAbout[GroupMembership]):
    """A user joined a group, or was added to it."""
