"""The `metadata` of every event in Canvas format."""

from .base import Record
from .fields import GlobalId, OpaqueId, Text, Time, about


class Metadata(Record):
    """The `metadata` of an event: of a request, or of a background job with `job_id`.

    Ids are global. In a background job those of the root account have the shard of the job.
    """

    event_name: Text = about("Name of the event.", values="submission_created logged_in")
    event_time: Time = about("When it happened, with milliseconds.")
    producer: Text = about("The service that sent it.", values="canvas quizzes")
    root_account_id: GlobalId = about("The root account (the institution).", of="account")
    root_account_uuid: OpaqueId = about("UUID of the root account.", of="account")
    root_account_lti_guid: OpaqueId = about("LTI ID of the root account.", of="account")
    request_id: OpaqueId = about("The request; its events have the same ID.", of="request")
    session_id: OpaqueId = about("The web session.", of="session", privacy="secret")
    hostname: Text = about("Host name of the request.", privacy="identifier")
    http_method: Text = about("HTTP method.", values="GET POST PUT DELETE")
    url: Text = about("URL of the request, with tokens.", privacy="secret")
    referrer: Text = about("Referrer of the request, with tokens.", privacy="secret")
    user_agent: Text = about("User agent of the request.", privacy="identifier")
    client_ip: Text = about("IP address of the client.", privacy="identifier")
    user_id: GlobalId = about("The user; absent for none.", of="user", privacy="identifier")
    user_login: Text = about("Login of the user.", privacy="identifier")
    user_account_id: GlobalId = about("The account of that login.", of="account")
    user_sis_id: OpaqueId = about("SIS ID of the user.", of="sis", privacy="identifier")
    real_user_id: GlobalId = about("Who acted as that user.", of="user", privacy="identifier")
    time_zone: Text = about("Time zone of the user.", privacy="identifier", values="America/Denver")
    developer_key_id: GlobalId = about("The developer key of the client.", of="developer_key")
    context_type: Text = about("Type of context.", values="Course Account Group User CourseSection")
    context_id: GlobalId = about("Where it happened (see `context_type`).", of="context")
    context_account_id: GlobalId = about("The account of the context.", of="account")
    context_sis_source_id: OpaqueId = about("SIS ID of the context.", of="sis")
    context_role: Text = about(
        "Role of the user in the context; may be a role that the institution defined.",
        values="StudentEnrollment TeacherEnrollment AccountAdmin GroupMembership",
    )
    job_id: GlobalId = about("The background job.", of="job")
    job_tag: Text = about(
        "Method that the job runs.", values="SIS::CSV::ImportRefactored#run_parallel_importer"
    )
