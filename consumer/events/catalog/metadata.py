"""What stands beside the body of every event in Canvas format."""

from __future__ import annotations

from consumer.events.catalog.base import Record
from consumer.events.catalog.fields import GlobalId, OpaqueId, Text, Time, about


class Metadata(Record):
    """The `metadata` of an event: of a request, or of a background job with `job_id`.

    Ids are global. Those of the root account are of the job's shard in a background job.
    """

    event_name: Text = about("The name of the event.", values=("submission_created", "logged_in"))
    event_time: Time = about("When it happened, to the millisecond.")
    producer: Text = about("Which service sent it.", values=("canvas", "quizzes"))
    root_account_id: GlobalId = about("The institution.", of="account")
    root_account_uuid: OpaqueId = about("The institution, as other services know it.", of="account")
    root_account_lti_guid: OpaqueId = about("The institution, as LTI tools know it.", of="account")
    request_id: OpaqueId = about("The request; the events of one request share it.", of="request")
    session_id: OpaqueId = about("The session in the browser.", of="session", privacy="secret")
    hostname: Text = about("The host that was asked.", privacy="identifier")
    http_method: Text = about("How it was asked.", values=("GET", "POST", "PUT", "DELETE"))
    url: Text = about("The address that was asked for, with tokens.", privacy="secret")
    referrer: Text = about("The page that it was asked from, with tokens.", privacy="secret")
    user_agent: Text = about("The browser or program that asked.", privacy="identifier")
    client_ip: Text = about("The address that it was asked from.", privacy="identifier")
    user_id: GlobalId = about("Who did it; absent for nobody.", of="user", privacy="identifier")
    user_login: Text = about("Their login.", privacy="identifier")
    user_account_id: GlobalId = about("The account of that login.", of="account")
    user_sis_id: OpaqueId = about(
        "Who did it, in the student information system.", of="sis", privacy="identifier"
    )
    real_user_id: GlobalId = about("Who acted as that user.", of="user", privacy="identifier")
    time_zone: Text = about("Their time zone.", privacy="identifier", values=("America/Denver",))
    developer_key_id: GlobalId = about("The key of the program that asked.", of="developer_key")
    context_type: Text = about(
        "What it happened in.", values=("Course", "Account", "Group", "User", "CourseSection")
    )
    context_id: GlobalId = about("Where; `context_type` says of what kind.", of="context")
    context_account_id: GlobalId = about("The account of that place.", of="account")
    context_sis_source_id: OpaqueId = about(
        "That place in the student information system.", of="sis"
    )
    context_role: Text = about(
        "As what the person is in that place; may be a role of the institution's own.",
        values=("StudentEnrollment", "TeacherEnrollment", "AccountAdmin", "GroupMembership"),
    )
    job_id: GlobalId = about("The background job.", of="job")
    job_tag: Text = about(
        "What the job does.", values=("SIS::CSV::ImportRefactored#run_parallel_importer",)
    )
