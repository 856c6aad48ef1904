import pytest

from eventflux.io.timestamps import format_iso, parse_iso, timestamp_reader

NOON = 1_706_702_400_000  # 2024-01-31T12:00:00Z


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024-01-31T12:00:00Z", NOON),
        ("2024-01-31 12:00", NOON),
        ("2024-01-31T13:00:00+01:00", NOON),
        ("2024-01-31T13:00:00+0100", NOON),
        ("2024-01-31T11:00:00-01", NOON),
        ("2024-01-31T12:00:00.25Z", NOON + 250),
        ("2024-01-31T12:00:00.123456789Z", NOON + 123),
        ("2024-01-31T12:00:00,5", NOON + 500),
        ("1970-01-01", 0),
        ("1969-12-31T23:59:59.999Z", -1),
    ],
)
def test_iso_texts_are_read(text, expected):
    assert parse_iso(text) == expected


@pytest.mark.parametrize(
    "text", ["", "yesterday", "2024-13-01", "2024-01-31T25:00", "2024-1-31", "2024-01-31T12:00:00X"]
)
def test_other_texts_are_refused(text):
    with pytest.raises(ValueError, match=r".+"):
        parse_iso(text)


def test_iso_texts_are_written():
    assert format_iso(NOON + 7) == "2024-01-31T12:00:00.007Z"
    assert parse_iso(format_iso(-12345)) == -12345


@pytest.mark.parametrize(
    ("format_", "value", "expected"),
    [
        ("auto", NOON, NOON),
        ("auto", str(NOON), NOON),
        ("auto", "2024-01-31T12:00:00Z", NOON),
        ("auto", float(NOON), NOON),
        ("iso", "2024-01-31T12:00:00Z", NOON),
        ("epoch-s", NOON // 1000, NOON),
        ("epoch-s", "1706702400.5", NOON + 500),
        ("epoch-us", NOON * 1000 + 999, NOON),
        ("epoch-ns", NOON * 1_000_000, NOON),
        ("%d.%m.%Y %H:%M", "31.01.2024 12:00", NOON),
        ("yyyy-MM-dd HH:mm:ss", "2024-01-31 12:00:00", NOON),
        ("yyyy-MM-dd'T'HH:mm:ss.SSSXXX", "2024-01-31T13:00:00.001+01:00", NOON + 1),
        ("d/M/yyyy H:mm", "31/1/2024 12:00", NOON),
        ("yyyyMMdd", "20240131", NOON - 12 * 3_600_000),
    ],
)
def test_formats_are_read(format_, value, expected):
    assert timestamp_reader(format_)(value) == expected


@pytest.mark.parametrize(
    ("format_", "value"),
    [("auto", None), ("auto", True), ("auto", "soon"), ("iso", 5), ("epoch-s", "x"), ("yyyy-MM-dd", "2024-01")],
)
def test_values_that_are_no_point_in_time_are_refused(format_, value):
    with pytest.raises(ValueError, match=r".+"):
        timestamp_reader(format_)(value)


@pytest.mark.parametrize("format_", ["yyyy-QQ", "---", "yyyy yyyy"])
def test_formats_without_meaning_are_refused(format_):
    with pytest.raises(ValueError, match="is not a timestamp format"):
        timestamp_reader(format_)
