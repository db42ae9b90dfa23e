"""Times in all forms that Canvas uses."""

from datetime import UTC, date, datetime, timedelta, timezone

from hypothesis import given, settings
from hypothesis import strategies as st

from consumer.events.timestamps import as_written, parse_day, parse_time
from tests.cases import for_each


@for_each(
    "text, time",
    [
        ("2019-11-01T19:11:25.788Z", datetime(2019, 11, 1, 19, 11, 25, 788_000, UTC)),
        ("2019-11-01T19:11:25Z", datetime(2019, 11, 1, 19, 11, 25, tzinfo=UTC)),
        ("2019-11-05 07:38:00 -0800", datetime(2019, 11, 5, 15, 38, tzinfo=UTC)),
        ("2020-03-30T11:18:51-06:00", datetime(2020, 3, 30, 17, 18, 51, tzinfo=UTC)),
        ("2019-11-05 15:38:00 UTC", datetime(2019, 11, 5, 15, 38, tzinfo=UTC)),
        ("2019-11-05 15:38:00 +0000", datetime(2019, 11, 5, 15, 38, tzinfo=UTC)),
        (" 2019-11-05T15:38:00Z\n", datetime(2019, 11, 5, 15, 38, tzinfo=UTC)),
        ("2019-11-01T19:11:25.123456789Z", datetime(2019, 11, 1, 19, 11, 25, 123_456, UTC)),
    ],
)
def test_every_form_becomes_aware_utc(text: str, time: datetime) -> None:
    """All forms that Canvas uses are read, and converted to UTC."""
    parsed = parse_time(text)

    assert time == parsed
    assert parsed is not None
    assert parsed.tzinfo is UTC


@for_each(
    "text",
    [
        "2019-11-01T19:11:25",
        "2019-11-01 19:11:25.788",
        "2019-11-01",
        "2019-11-01 -0800",
        "2019-11-01T19:11:25+24:00",
        "2016-12-31T23:59:60Z",
        "yesterday",
        "",
        "Z",
        "2019-11-01\ud800T19:11:25Z",
        "9" * 100_000,
        None,
        0,
        1_572_635_485.788,
        True,
        ["2019-11-01T19:11:25Z"],
        b"2019-11-01T19:11:25Z",
    ],
)
def test_ambiguous_texts_are_not_times(text: object) -> None:
    """Without an offset, unreadable, or not a text: None."""
    assert parse_time(text) is None


@for_each("text", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00"])
def test_the_ends_of_the_calendar_do_not_overflow(text: str) -> None:
    """A time outside the years 1 to 9999 in UTC is None."""
    assert parse_time(text) is None


def test_the_first_and_the_last_moment_are_read() -> None:
    """They are unusual, but unambiguous."""
    assert datetime.min.replace(tzinfo=UTC) == parse_time("0001-01-01T00:00:00Z")
    assert datetime.max.replace(tzinfo=UTC) == parse_time("9999-12-31T23:59:59.999999Z")


@given(
    st.datetimes(
        min_value=datetime(1, 1, 3),  # noqa: DTZ001 - the strategy wants it so
        max_value=datetime(9999, 12, 29),  # noqa: DTZ001
        timezones=st.timezones() | st.just(UTC),
    )
)
@settings(max_examples=200)
def test_what_python_writes_is_read_back(time: datetime) -> None:
    """With any offset that a time zone has ever had."""
    assert time.astimezone(UTC) == parse_time(time.isoformat())


@given(
    st.datetimes(min_value=datetime(2, 1, 1), max_value=datetime(9998, 12, 31)),  # noqa: DTZ001
    st.integers(min_value=-14 * 60, max_value=14 * 60),
)
@settings(max_examples=200)
def test_what_ruby_writes_is_read_back(moment: datetime, minutes: int) -> None:
    """A blank instead of the T, and another before an offset without a colon."""
    time = moment.replace(tzinfo=timezone(timedelta(minutes=minutes)))

    assert time == parse_time(time.strftime("%4Y-%m-%d %H:%M:%S.%f %z"))


@given(st.text(st.characters(exclude_categories=()), max_size=40))
@settings(max_examples=300)
def test_no_text_raises(text: str) -> None:
    """Any value gives an aware time or None."""
    parsed = parse_time(text)

    assert parsed is None or parsed.tzinfo is UTC


@for_each(
    "value, text",
    [(1_572_635_485, "1572635485"), (1.5, "1.5"), (None, ""), (True, ""), ({"a": 1}, ""), ([], "")],
)
def test_a_number_instead_of_a_time_stays_readable(value: object, text: str) -> None:
    """It is kept as a text, although it is not a time; objects and lists are not."""
    assert text == as_written(value)


@for_each(
    "text, day",
    (
        ("2026-05-01", date(2026, 5, 1)),
        (" 2026-05-01 ", date(2026, 5, 1)),
        ("2026-05-01T00:00:00Z", date(2026, 5, 1)),
        ("2026-05-01T00:00:00", date(2026, 5, 1)),
        ("2026-05-01 23:59:59 -0600", date(2026, 5, 1)),
        ("2026-05-01T00:00:00+14:00", date(2026, 5, 1)),
        ("0001-01-01T00:00:00+14:00", date(1, 1, 1)),
        ("2026-02-30", None),
        ("May 1", None),
        ("", None),
        (None, None),
        (20260501, None),
    ),
)
def test_a_day_is_read_as_it_was_written(text: object, day: date | None) -> None:
    """With or without a time, and an offset does not move it."""
    assert day == parse_day(text)
