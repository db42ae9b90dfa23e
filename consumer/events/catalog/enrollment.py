"""Enrollments and their states; groups and their members."""

from .base import CanvasBody
from .fields import Flag, GlobalId, Int, LocalId, OpaqueId, Text, Time, about


class Enrollment(CanvasBody, abstract=True):
    enrollment_id: GlobalId = about("The enrollment.", of="enrollment")
    course_id: GlobalId = about("The course.", of="course")
    course_uuid: OpaqueId = about("UUID of the course.", of="course")
    course_section_id: GlobalId = about("The section.", of="course_section")
    user_id: GlobalId = about("The enrolled user.", of="user", privacy="identifier")
    user_uuid: OpaqueId = about("UUID of the user.", of="user", privacy="identifier")
    user_name: Text = about("Name of the user.", privacy="identifier")
    type: Text = about(
        "Role.",
        values="StudentEnrollment TeacherEnrollment TaEnrollment ObserverEnrollment "
        "DesignerEnrollment",
    )
    associated_user_id: GlobalId = about("Student of an observer.", of="user", privacy="identifier")
    limit_privileges_to_course_section: Flag = about("True if they see their own section only.")
    created_at: Time = about("When it was created.")
    updated_at: Time = about("When it was last changed.")
    workflow_state: Text = about(
        "State.", values="invited active creation_pending completed inactive deleted"
    )


class EnrollmentCreated(Enrollment):
    """A user was enrolled in a course."""


class EnrollmentUpdated(Enrollment):
    """An enrollment changed: accepted, concluded, deleted."""


class EnrollmentState(CanvasBody, abstract=True):
    enrollment_id: GlobalId = about("The enrollment.", of="enrollment")
    state: Text = about(
        "State that follows from the dates of course, section and term.",
        values="active invited pending_invited pending_active completed inactive deleted",
    )
    state_started_at: Time = about("Valid from this time.")
    state_valid_until: Time = about("Valid until this time; null for no end.")
    state_is_current: Flag = about("False if the state must be recalculated.")
    restricted_access: Flag = about("True if a date denies the user access.")
    access_is_current: Flag = about("False if the access must be recalculated.")


class EnrollmentStateCreated(EnrollmentState):
    """The effective state of an enrollment was calculated for the first time."""


class EnrollmentStateUpdated(EnrollmentState):
    """The effective state of an enrollment changed: a term began, a course ended."""


class Group(CanvasBody, abstract=True):
    group_id: GlobalId = about("The group.", of="group")
    group_name: Text = about("Name.")
    uuid: OpaqueId = about("UUID of the group.", of="group")
    group_category_id: GlobalId = about("The group set.", of="group_category")
    group_category_name: Text = about("Name of the group set.")
    context_id: GlobalId = about("The course or account (see `context_type`).", of="context")
    context_type: Text = about("Type of `context_id`.", values="Course Account")
    account_id: GlobalId = about("The account.", of="account")
    max_membership: Int = about("Maximum number of members; null for no limit.")
    workflow_state: Text = about("State.", values="available deleted")


class GroupCreated(Group):
    """A group was created."""


class GroupUpdated(Group):
    """A group changed, or was deleted."""


class GroupCategory(CanvasBody, abstract=True):
    group_category_id: GlobalId = about("The group set.", of="group_category")
    group_category_name: Text = about("Name.")
    context_id: LocalId = about("The course or account (see `context_type`).", of="context")
    context_type: Text = about("Type of `context_id`.", values="Course Account")
    group_limit: Int = about("Maximum number of members of a group; null for no limit.")


class GroupCategoryCreated(GroupCategory):
    """A group set was created."""


class GroupCategoryUpdated(GroupCategory):
    """A group set changed."""


class GroupMembership(CanvasBody, abstract=True):
    group_membership_id: GlobalId = about("The membership.", of="group_membership")
    user_id: GlobalId = about("The member.", of="user", privacy="identifier")
    group_id: GlobalId = about("The group.", of="group")
    group_name: Text = about("Name of the group.")
    group_category_id: GlobalId = about("The group set.", of="group_category")
    group_category_name: Text = about("Name of the group set.")
    workflow_state: Text = about("State.", values="accepted invited requested deleted")


class GroupMembershipCreated(GroupMembership):
    """A user joined a group, or was added to it."""


class GroupMembershipUpdated(GroupMembership):
    """A membership in a group changed, or ended."""
