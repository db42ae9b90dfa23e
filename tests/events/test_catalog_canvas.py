"""The models of events in Canvas format list all documented fields.

Documented payloads are outside of the repository; without them those tests are skipped.
"""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from types import ModuleType
from typing import Any

import pytest
from pydantic import ValidationError

from consumer.errors import DataError
from consumer.events import catalog
from consumer.events.catalog import model_of, names
from consumer.events.catalog.base import EventData, Record
from consumer.events.catalog.describe import all_fields_of, fields_of, meaning_of
from consumer.events.catalog.index import categories, class_name
from consumer.events.catalog.metadata import Metadata
from consumer.messages import Format
from consumer.testing import make_event
from tests.cases import for_each
from tests.events.test_corpus import FILES, each_file, event_in

each_name = for_each("name", names())
#: Malformed dates in the published payloads.
BROKEN_DATES = {("user_updated", "updated_at")}


def model(name: str) -> type[EventData]:
    found = model_of(name)
    assert found is not None
    return found


def received(record: Record) -> Any:
    return record.model_dump(mode="json", by_alias=True, exclude_unset=True)


def misread(record: Record, path: str = "") -> Iterator[str]:
    """Fields at any depth that are not in the catalog, or whose value can't be read."""
    for name in record.unknown_fields():
        yield f"{path}{name}"
    for name in type(record).model_fields:
        value = getattr(record, name)
        if value is None and record.written(name) is not None:
            yield f"{path}{name}"
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, Record):
                yield from misread(item, f"{path}{name}.")


@pytest.mark.skipif(not FILES, reason="there are no payloads in ../shared/corpus")
def test_most_events_have_a_documented_payload() -> None:
    """So that the tests of payloads cover the catalog."""
    found = {event_in(file)[0].name for file in FILES if file.parent.name == "canvas"}

    documented = {name for name in names() if model(name).documented}
    # The only event whose published payload has another name.
    assert documented - found == {"grade_override"}


@each_file
def test_a_documented_payload_is_known_in_full(file: Path) -> None:
    """All fields at any depth are in the model with their types, and are unchanged."""
    event, payload, _ = event_in(file)
    if event.format == "caliper":
        return  # see the tests of the models of Caliper
    name = "grade_override" if file.stem.startswith("grade_override") else event.name

    data = model(name).model_validate(event.body)
    metadata = Metadata.model_validate(event.metadata)

    unread = {(name, path) for path in (*misread(data), *misread(metadata, "metadata."))}
    assert unread <= BROKEN_DATES
    assert received(data) == payload["body"]
    assert received(metadata) == payload["metadata"]


@each_name
def test_each_model_is_found_under_its_class_name(name: str) -> None:
    """In the catalog; and it has the name of its event."""
    found = model(name)

    assert getattr(catalog, class_name(name)) is found
    assert (found.event_name, found.event_format) == (name, "canvas")
    assert class_name(name) in dir(catalog)
    undocumented = {*categories()["undocumented"], *categories()["new_quizzes"]}
    assert found.documented is (name not in undocumented)


@for_each(
    "name, field",
    (
        ("assignment_created", "anonymous_participants"),
        ("assignment_updated", "anonymous_participants"),
        ("attachment_created", "locked"),
        ("attachment_updated", "locked"),
        ("attachment_deleted", "locked"),
        ("wiki_page_updated", "workflow_state"),
    ),
)
def test_fields_of_newer_versions_are_known(name: str, field: str) -> None:
    """They are in Canvas's source, but in no published payload yet."""
    assert field in model(name).__pydantic_fields__


@for_each("event_format", ("canvas", "caliper"))
def test_a_day_comes_with_or_without_a_time(event_format: Format) -> None:
    """Both are read as a date, and the received text is kept."""
    for written in ("2026-05-01", "2026-05-01T00:00:00Z", "2026-05-01 23:59:59 -0600"):
        body: dict[str, Any] = {"all_day_date": written}
        if event_format == "caliper":
            body = {"object": {"extensions": {"com.instructure.canvas": body}}}
        for name in ("assignment_override_created", "assignment_override_updated"):
            data = make_event(name, body=body, format=event_format).data
            found = data if event_format == "canvas" else data.object.extensions.canvas

            assert found.all_day_date == date(2026, 5, 1)
            assert type(found.all_day_date) is date
            assert found.written("all_day_date") == written
            assert received(data) == body


@for_each("package", (catalog, catalog.caliper))
def test_type_checkers_see_what_can_be_imported(package: ModuleType) -> None:
    """The stub lists all modules with models, and the names of models are unique."""
    stub = Path(package.__file__ or "").with_suffix(".pyi").read_text()
    named = re.findall(rf"^from {package.__name__}\.(\w+) import \*$", stub, re.MULTILINE)
    modules = {
        module.name: [
            thing
            for thing in vars(import_module(f"{package.__name__}.{module.name}")).values()
            if isinstance(thing, type) and issubclass(thing, Record)
        ]
        for module in iter_modules(package.__path__)
        if not module.ispkg
    }
    models = {model for found in modules.values() for model in found}
    here = [model for model in models if model.__module__.rpartition(".")[0] == package.__name__]

    assert set(named) >= {model.__module__.rpartition(".")[2] for model in here}
    assert all(getattr(package, model.__name__) is model for model in here)
    assert len({model.__name__ for model in here}) == len(here) > 30


@each_name
def test_each_field_has_a_meaning_and_a_type(name: str) -> None:
    """The meaning is one line; fields named as ids or times have such a type."""
    assert re.fullmatch(r"[A-Z][^\n]{9,100}\.", meaning_of(model(name)))

    for path, facts in all_fields_of(model(name)):
        assert re.fullmatch(r"[A-Z`][^\n]{3,100}\.", facts.marks.meaning), path
        key = path.rpartition(".")[2]
        if key.endswith(("_id", "_ids")) or key == "id":
            assert facts.kind in {"global id", "local id", "id", "opaque id"}, path
            assert facts.marks.of, path
        if key.endswith("_at"):
            assert facts.kind == "timestamp", path


def test_meanings_of_events_differ() -> None:
    """No two events have the same description."""
    meanings = [meaning_of(model(name)) for name in names()]

    assert len(set(meanings)) == len(meanings)


@each_name
def test_what_an_event_is_about_is_a_field_of_it(name: str) -> None:
    """The field with the id of the entity is in the model."""
    found = model(name)
    assert issubclass(found, catalog.CanvasBody)
    kind, field = found.entity()

    assert bool(kind) == bool(field)
    assert not field or field in {facts.key for facts in fields_of(found)}


@each_name
def test_everything_may_be_null_or_absent(name: str) -> None:
    """Canvas omits nulls for some accounts."""
    nulls = {facts.key: None for facts in fields_of(model(name))}

    assert received(model(name).model_validate({})) == {}
    assert received(model(name).model_validate(nulls)) == nulls


@each_name
def test_ids_are_texts_or_integers_and_stay_so(name: str) -> None:
    """Also beyond the precision of a float, and if there is none."""
    ids = [f.key for f in fields_of(model(name)) if f.kind.endswith("id") and not f.many]

    for value in ("21070000000000123", 21070000000000123, "565", 565, "", 10**30):
        body = dict.fromkeys(ids, value)
        data = model(name).model_validate(body)
        assert received(data) == body
        assert all(getattr(data, key) == value for key in ids)


@each_name
def test_ids_are_never_floats(name: str) -> None:
    """A float has lost digits already."""
    for facts in fields_of(model(name)):
        if facts.kind.endswith("id") and not facts.many:
            with pytest.raises(ValidationError):
                model(name).model_validate({facts.key: 2.107e16})


@each_name
def test_unknown_fields_are_kept(name: str) -> None:
    """Canvas may add fields at any time."""
    data = model(name).model_validate({"made_up": {"a": [1]}})

    assert data.unknown_fields() == {"made_up"}
    assert received(data) == {"made_up": {"a": [1]}}


@for_each(
    "written, names_in_it",
    [
        (["name", "course_id"], ["name", "course_id"]),
        (['["course_id"', ' "name"]'], ["course_id", "name"]),
        ('["course_id", "name"]', ["course_id", "name"]),
        ([], []),
        (None, None),
    ],
)
def test_stuck_sis_fields_are_names(written: object, names_in_it: object) -> None:
    """Also if they are received as pieces of a text."""
    data = catalog.CourseSectionUpdated.model_validate({"stuck_sis_fields": written})

    assert data.stuck_sis_fields == names_in_it
    assert received(data) == {"stuck_sis_fields": written}


@for_each("written", ["[" * 100_000, '["a"', ["[" * 10], {"a": 1}, [{"a": 1}]])
def test_malformed_stuck_sis_fields_are_a_misfit(written: object) -> None:
    """Or are kept; there is no other error."""
    event = make_event("course_section_updated", body={"stuck_sis_fields": written})

    try:
        read = event.data.stuck_sis_fields
    except DataError as error:
        assert "stuck_sis_fields" in str(error)  # noqa: PT017 - either way is right
    else:
        assert read == (written if isinstance(written, list) else None)


@for_each(
    "written, number",
    [(7, 7), (7.5, 7.5), ("7.5", 7.5), ({"numberStr": "7.5"}, 7.5), ("", None), (None, None)],
)
def test_numbers_are_read_in_several_forms(written: object, number: float | None) -> None:
    """As other services send them."""
    data = catalog.GradeChange.model_validate({"score": written})

    assert data.score == number
    assert received(data) == {"score": written}


@for_each("written, grade", [("7", "7"), ("Missing", "Missing"), (7, "7")])
def test_grades_are_texts(written: object, grade: str) -> None:
    """Letters, numbers, or words."""
    data = catalog.GradeChange.model_validate({"grade": written})

    assert data.grade == grade
    assert received(data) == {"grade": written}


@for_each(
    "written, moment",
    [
        ("2019-11-01T19:11:25.788Z", datetime(2019, 11, 1, 19, 11, 25, 788000, UTC)),
        ("2019-11-05 07:38:00 -0800", datetime(2019, 11, 5, 15, 38, tzinfo=UTC)),
        ("2020-03-30T11:18:51-06:00", datetime(2020, 3, 30, 17, 18, 51, tzinfo=UTC)),
        ("019-11-01T19:11:01.163Z", None),
    ],
)
def test_times_are_moments(written: str, moment: datetime | None) -> None:
    """In any form that Canvas uses; None for a broken one, whose text is kept."""
    data = catalog.CourseUpdated.model_validate({"updated_at": written})

    assert data.updated_at == moment
    assert data.written("updated_at") == written
    assert received(data) == {"updated_at": written}


@for_each(
    "progress",
    [
        {"requirement_count": 5, "requirement_completed_count": 2, "completed_at": None},
        {"error": {"message": "no modules"}},
        None,
    ],
)
def test_progress_may_be_an_error(progress: object) -> None:
    """If a course has no requirements."""
    body = {"progress": progress, "user": {"id": "1"}, "course": {"id": "2"}}
    data = catalog.CourseProgress.model_validate(body)

    assert received(data) == body
    assert data.course is not None
    assert data.course.id == "2"


@for_each("written", ['{"a": 1}', {"a": 1}])
def test_open_objects_may_be_texts(written: object) -> None:
    """Texts that contain JSON, as in a database."""
    data = catalog.AssignmentGroupCreated.model_validate({"integration_data": written})

    assert data.integration_data == {"a": 1}
    assert received(data) == {"integration_data": written}


def test_texts_that_canvas_cuts_are_marked() -> None:
    """Only those."""
    marked = {
        f"{name}.{path}"
        for name in names()
        if model(name).documented
        for path, facts in all_fields_of(model(name))
        if facts.marks.truncated
    }

    def both(kind: str, *fields: str) -> set[str]:
        return {f"{kind}_{end}.{field}" for end in ("created", "updated") for field in fields}

    assert marked == {
        *(f"account_notification_created.{field}" for field in ("subject", "message")),
        *both("assignment", "title", "description", "lti_assignment_description"),
        *both("attachment", "display_name", "filename"),
        *(f"attachment_deleted.{field}" for field in ("display_name", "filename")),
        "attachment_updated.old_display_name",
        "discussion_entry_created.text",
        "discussion_entry_submitted.text",
        *both("discussion_topic", "title", "body"),
        "plagiarism_resubmit.body",
        *both("quiz", "title", "description"),
        "submission_comment_created.body",
        *both("submission", "body"),
        *(f"syllabus_updated.{field}" for field in ("syllabus_body", "old_syllabus_body")),
        *both("wiki_page", "title", "body"),
        *(f"wiki_page_updated.{field}" for field in ("old_title", "old_body")),
        "wiki_page_deleted.title",
    }


@for_each(
    "name, path, privacy",
    [
        ("user_created", "name", "identifier"),
        ("user_created", "user_login", "identifier"),
        ("user_updated", "user_sis_id", "identifier"),
        ("user_updated", "uuid", "identifier"),
        ("enrollment_created", "user_name", "identifier"),
        ("course_completed", "user.email", "identifier"),
        ("course_progress", "user.name", "identifier"),
        ("course_progress", "progress.next_requirement_url", "secret"),
        ("grade_change", "student_sis_id", "identifier"),
        ("grade_change", "score", "education"),
        ("grade_change", "old_grade", "education"),
        ("grade_override", "override_score", "education"),
        ("course_grade_change", "final_score", "education"),
        ("submission_updated", "body", "education"),
        ("submission_updated", "url", "education"),
        ("submission_comment_created", "body", "education"),
        ("discussion_entry_created", "text", "education"),
        ("attachment_created", "display_name", "education"),
        ("learning_outcome_result_created", "mastery", "education"),
        ("quiz_created", "ip_filter", "identifier"),
        ("logged_in", "redirect_url", "secret"),
        ("content_migration_completed", "resource_map_url", "secret"),
        ("asset_accessed", "asset_name", "identifier"),
        ("discussion_topic_created", "title", "education"),
        ("wiki_page_updated", "old_body", "education"),
        ("submission_custom_grade_status", "submission_status_id", "education"),
        ("submission_created", "submission_id", "none"),
    ],
)
def test_personal_data_is_marked(name: str, path: str, privacy: str) -> None:
    """What identifies a person, is part of an education record, or gives access."""
    facts = dict(all_fields_of(model(name)))

    assert facts[path].marks.privacy == privacy


@for_each(
    "key, privacy",
    [
        ("url", "secret"),
        ("referrer", "secret"),
        ("session_id", "secret"),
        ("client_ip", "identifier"),
        ("user_agent", "identifier"),
        ("user_login", "identifier"),
        ("real_user_id", "identifier"),
        ("event_name", "none"),
    ],
)
def test_personal_data_of_the_metadata_is_marked(key: str, privacy: str) -> None:
    """Every event has it."""
    facts = {found.key: found for found in fields_of(Metadata)}

    assert facts[key].marks.privacy == privacy


@each_name
def test_no_value_is_in_a_repr_or_an_error(name: str) -> None:
    """Any value may be personal data."""
    secret = "Ada Lovelace"
    keys = [facts.key for facts in fields_of(model(name))]

    for key in keys:
        try:
            shown = repr(model(name).model_validate({key: secret, "more": secret}))
        except ValidationError as error:
            shown = str(error)
        assert secret not in shown

    event = make_event(name, body={"made_up": secret, **{key: [secret, {}] for key in keys}})
    try:
        shown = repr(event.data)
    except DataError as error:
        shown = f"{error} {error!r}"
    assert secret not in shown
