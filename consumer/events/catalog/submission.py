"""Submissions, comments and grades."""

from .base import CanvasBody
from .fields import AnyId, Flag, GlobalId, Ids, Int, LocalId, Number, OpaqueId, Text, Time, about


class Submission(CanvasBody, abstract=True):
    submission_id: GlobalId = about("The submission.", of="submission")
    assignment_id: GlobalId = about("The assignment.", of="assignment")
    user_id: GlobalId = about("The student.", of="user", privacy="identifier")
    group_id: AnyId = about("The group, if it is a group submission.", of="group")
    attempt: Int = about("Number of the attempt, from 1; null before the first.")
    submission_type: Text = about(
        "Type.", values="online_text_entry online_upload online_url online_quiz"
    )
    submitted_at: Time = about("When it was submitted.")
    graded_at: Time = about("When it was last graded.")
    posted_at: Time = about("When the grade became visible to the student.")
    updated_at: Time = about("When it was last changed.")
    body: Text = about("Submitted text, as HTML.", privacy="education", truncated=True)
    url: Text = about("Submitted URL.", privacy="education")
    score: Number = about("Points.", privacy="education")
    grade: Text = about("Grade as displayed, such as 7 or A-.", privacy="education")
    late: Flag = about("True if it was submitted after the due date.", privacy="education")
    missing: Flag = about("True if it is due but was not submitted.", privacy="education")
    workflow_state: Text = about("State.", values="submitted graded pending_review unsubmitted")
    lti_assignment_id: OpaqueId = about("LTI ID of the assignment.", of="assignment")
    lti_user_id: OpaqueId = about("LTI ID of the student.", of="user", privacy="identifier")
    associated_integration_id: OpaqueId = about("The plagiarism checker.", of="tool")
    associated_integration_ids: Ids = about("The same, under all its IDs.", of="tool")


class SubmissionCreated(Submission):
    """A student submitted an attempt."""


class SubmissionUpdated(Submission):
    """A submission changed: graded, resubmitted, or saved for another reason."""


class PlagiarismResubmit(Submission):
    """A submission must be sent to the plagiarism checker again."""


class SubmissionCommentCreated(CanvasBody):
    """A comment was added to a submission."""

    submission_comment_id: LocalId = about("The comment.", of="submission_comment")
    submission_id: LocalId = about("The submission.", of="submission")
    user_id: LocalId = about("The author.", of="user", privacy="identifier")
    created_at: Time = about("When it was created.")
    body: Text = about("Text.", privacy="education", truncated=True)
    attachment_ids: Ids = about("Attached files.", of="attachment")


class SubmissionCustomGradeStatus(CanvasBody, entity=("submission", "submission_id")):
    """The custom status of a submission changed, or was removed."""

    assignment_id: LocalId = about("The assignment.", of="assignment")
    submission_id: LocalId = about("The submission.", of="submission")
    user_id: LocalId = about("The student.", of="user", privacy="identifier")
    course_id: LocalId = about("The course.", of="course")
    submission_status: Text = about("New status.", privacy="education")
    submission_status_id: LocalId = about(
        'The new status; "" for none.', of="custom_grade_status", privacy="education"
    )
    old_submission_status: Text = about("Previous status.", privacy="education")
    old_submission_status_id: LocalId = about(
        'Previous; "" for none.', of="custom_grade_status", privacy="education"
    )
    updated_at: Time = about("When it changed.")


class GradeChange(CanvasBody):
    """The grade of a submission changed."""

    submission_id: GlobalId = about("The submission.", of="submission")
    assignment_id: GlobalId = about("The assignment.", of="assignment")
    assignment_name: Text = about("Title of the assignment.")
    student_id: GlobalId = about("The student.", of="user", privacy="identifier")
    student_sis_id: OpaqueId = about("SIS ID of the student.", of="sis", privacy="identifier")
    user_id: GlobalId = about("Same as `student_id`.", of="user", privacy="identifier")
    grader_id: GlobalId = about("The grader; null if no person.", of="user", privacy="identifier")
    grade: Text = about("New grade, such as 7 or A-.", privacy="education")
    old_grade: Text = about("Previous grade.", privacy="education")
    score: Number = about("New points.", privacy="education")
    old_score: Number = about("Previous points.", privacy="education")
    points_possible: Number = about("Maximum points.")
    old_points_possible: Number = about("Previous maximum points.")
    grading_complete: Flag = about("True if nothing is left to grade manually.")
    muted: Flag = about("True if the student can't see the grade yet.")


class CourseGradeChange(CanvasBody, entity=("", "")):
    """The total grade of a student in a course changed."""

    user_id: LocalId = about("The student.", of="user", privacy="identifier")
    course_id: LocalId = about("The course.", of="course")
    current_score: Number = about("Percentage of graded, posted work.", privacy="education")
    old_current_score: Number = about("Previous `current_score`.", privacy="education")
    final_score: Number = about("Percentage of posted work; missing is zero.", privacy="education")
    old_final_score: Number = about("Previous `final_score`.", privacy="education")
    unposted_current_score: Number = about("With work that is not posted.", privacy="education")
    old_unposted_current_score: Number = about("Previous value.", privacy="education")
    unposted_final_score: Number = about("With work that is not posted.", privacy="education")
    old_unposted_final_score: Number = about("Previous value.", privacy="education")
    created_at: Time = about("When the total was first calculated.")
    updated_at: Time = about("When it changed.")
    workflow_state: Text = about("State.", values="active deleted")


class FinalGrade(CanvasBody, abstract=True):
    score_id: LocalId = about("The final grade.", of="score")
    enrollment_id: LocalId = about("The enrollment.", of="enrollment")
    user_id: LocalId = about("The student.", of="user", privacy="identifier")
    course_id: LocalId = about("The course.", of="course")
    grading_period_id: LocalId = about("The grading period, if any.", of="grading_period")


class GradeOverride(FinalGrade):
    """A teacher overrode a student's final grade in a course, or removed the override."""

    override_score: Number = about("New percentage; null for none.", privacy="education")
    old_override_score: Number = about("Previous percentage.", privacy="education")
    updated_at: Time = about("When it changed.")


class FinalGradeCustomStatus(FinalGrade):
    """The custom status of a final grade changed, or was removed."""

    override_status: Text = about("New status.", privacy="education")
    override_status_id: LocalId = about(
        'The new status; "" for none.', of="custom_grade_status", privacy="education"
    )
    old_override_status: Text = about("Previous status.", privacy="education")
    old_override_status_id: LocalId = about(
        'Previous; "" for none.', of="custom_grade_status", privacy="education"
    )
    updated_at: Time = about("When it changed.")


class RubricAssessed(CanvasBody):
    """Something was assessed with a rubric."""

    id: LocalId = about("The assessment.", of="rubric_assessment")
    aligned_to_outcomes: Flag = about("True if the rubric is aligned to learning outcomes.")
    artifact_id: LocalId = about("What was assessed (see `artifact_type`).", of="artifact")
    artifact_type: Text = about("Its type.", values="Submission Assignment ModeratedGrading")
    assessment_type: Text = about("Purpose.", values="grading peer_review provisional_grade")
    context_uuid: OpaqueId = about("UUID of the course.", of="course")
    attempt: Int = about("Number of the assessed attempt, from 1.")
    submitted_at: Time = about("When the work was submitted, otherwise when it was assessed.")
    created_at: Time = about("When it was first assessed.")
    updated_at: Time = about("When the assessment was last changed.")
