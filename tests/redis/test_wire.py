"""Answers of Redis read natively, beside hiredis; lines written as arguments."""

import hiredis
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventflux.wire import ArgumentWriter, StreamAnswerReader


def _bulk(value):
    return b"$-1\r\n" if value is None else b"$%d\r\n%s\r\n" % (len(value), value)


def _encoded(value):
    if isinstance(value, list):
        return b"*%d\r\n%s" % (len(value), b"".join(map(_encoded, value)))
    if isinstance(value, int):
        return b":%d\r\n" % value
    return _bulk(value)


def _answer(entries, stream=b"in"):
    return _encoded([[stream, entries]])


def _read(reader, text, cuts=()):
    """The answers in a text that comes in pieces."""
    found, start = [], 0
    buffer = bytearray()
    for cut in [*sorted({each for each in cuts if each < len(text)}), len(text)]:
        buffer += text[len(buffer) : cut]
        while start < len(buffer) and (answer := reader.read(buffer, start, len(buffer))) is not None:
            found.append((answer, bytes(buffer[start : start + answer.size])))
            start += answer.size
    assert start == len(text)
    return found


def _by_hiredis(text):
    reader = hiredis.Reader()
    reader.feed(text)
    return reader.gets()


def test_entries_of_one_field_become_lines_and_arguments():
    entries = [[b"1-0", [b"data", b'{"n": 1}']], [b"22-10", [b"data", b"x"]]]
    [(answer, _)] = _read(StreamAnswerReader(b"data"), _answer(entries))
    assert answer.is_plain
    assert answer.entries == 2
    assert answer.lines == b'{"n": 1}\nx\n'
    assert answer.identities == b"$3\r\n1-0\r\n$5\r\n22-10\r\n"


@pytest.mark.parametrize("text", [b"*-1\r\n", _answer([])])
def test_a_read_that_found_nothing_is_plain(text):
    [(answer, _)] = _read(StreamAnswerReader(b"data"), text)
    assert (answer.is_plain, answer.entries, answer.lines, answer.identities) == (True, 0, b"", b"")


@pytest.mark.parametrize(
    "text",
    [
        b":17\r\n",
        b"+OK\r\n",
        b"-NOGROUP No such key\r\n",
        b"$3\r\nabc\r\n",
        b"$-1\r\n",
        b"*0\r\n",
        _answer([[b"1-0", [b"other", b"x"]]]),
        _answer([[b"1-0", [b"data", b"x"]], [b"2-0", [b"data", b"y", b"more", b"z"]]]),
        _answer([[b"1-0", [b"data", b"x"]], [b"2-0", [b"data", b""]]]),
        _answer([[b"1-0", [b"data", b"two\nlines"]]]),
        _answer([[b"1-0", [b"dat", b"x"]]]),
        b"*1\r\n*2\r\n$2\r\nin\r\n*1\r\n*2\r\n$3\r\n1-0\r\n*-1\r\n",  # deleted while it was pending
        _encoded([[b"in", [[b"1-0", [b"data", b"x"]]]], [b"other", []]]),
    ],
)
@pytest.mark.parametrize("step", [1, 7, 1000])
def test_anything_else_is_measured(text, step):
    both = text + _answer([[b"9-9", [b"data", b"behind"]]])
    (answer, own), (next_one, _) = _read(StreamAnswerReader(b"data"), both, range(step, len(both), step))
    assert not answer.is_plain
    assert own == text
    assert next_one.is_plain
    assert next_one.lines == b"behind\n"


@pytest.mark.parametrize(
    "text",
    [
        b"?x\r\n",
        b"$5\r\nabcdefgh\r\n",
        b"*x\r\n",
        b"$12345678901234567890\r\n",
        b"*1\r\n*2\r\n$2\r\nin\r\n*1\r\n*2\r\n$3\r\n1-0xx*2\r\n",
        b"$\r\n",
        b"*1\rx",
    ],
)
def test_what_is_no_answer_is_refused(text):
    reader = StreamAnswerReader(b"data")
    with pytest.raises(ValueError, match="no answer"):
        reader.read(bytearray(text), 0, len(text))
    [(answer, _)] = _read(reader, b":1\r\n")
    assert not answer.is_plain


def test_an_answer_that_was_begun_can_be_forgotten():
    reader = StreamAnswerReader(b"data")
    whole = _answer([[b"1-0", [b"data", b"x"]], [b"2-0", [b"data", b"y"]]])
    assert reader.read(bytearray(whole), 0, len(whole) - 3) is None
    reader.reset()
    [(answer, _)] = _read(reader, _answer([[b"3-0", [b"data", b"z"]]]))
    assert answer.lines == b"z\n"


_VALUE = st.binary(max_size=12) | st.sampled_from([b"x" * 300, b"{}"])
_ENTRY = st.tuples(
    st.from_regex(rb"\A[0-9]{1,13}-[0-9]{1,3}\Z"),
    st.lists(st.tuples(st.sampled_from([b"data"] * 8 + [b"k", b""]), _VALUE), min_size=1, max_size=2)
    | st.tuples(st.tuples(st.just(b"data"), st.sampled_from([b"1", b'{"a": 2}', b"\r", b"\x00"]))),
)


@given(
    answers=st.lists(st.integers(-5, 5) | st.lists(_ENTRY, max_size=5), min_size=1, max_size=4),
    cuts=st.lists(st.integers(1, 2000), max_size=6),
)
def test_what_is_read_is_what_hiredis_reads(answers, cuts):
    texts = []
    for answer in answers:
        if isinstance(answer, int):
            texts.append(b":%d\r\n" % answer)
        else:
            texts.append(_answer([[name, [part for pair in fields for part in pair]] for name, fields in answer]))
    found = _read(StreamAnswerReader(b"data"), b"".join(texts), cuts)
    assert [own for _, own in found] == texts
    for (answer, own), given_answer in zip(found, answers, strict=True):
        general = _by_hiredis(own)
        plain = isinstance(given_answer, list) and all(
            len(fields) == 1 and fields[0][0] == b"data" and fields[0][1] and b"\n" not in fields[0][1]
            for _, fields in given_answer
        )
        assert answer.is_plain == plain
        if plain:
            entries = general[0][1]
            assert answer.entries == len(entries)
            assert answer.lines == b"".join(fields[1] + b"\n" for _, fields in entries)
            assert answer.identities == b"".join(_bulk(name) for name, _ in entries)


def test_lines_become_arguments():
    writer = ArgumentWriter()
    text = b"ab\n\n" + b"x" * 70_000 + b"\nrest"
    first, count, at = writer.write(text, 0, 2)
    assert (first, count, at) == (b"$2\r\nab\r\n$0\r\n\r\n", 2, 4)
    second, count, at = writer.write(text, at, 10)
    assert (second, count, at) == (b"$70000\r\n" + b"x" * 70_000 + b"\r\n", 1, len(text) - 4)
    assert writer.write(text, at, 10) == (b"", 0, at)
    assert writer.write(text, len(text), 10) == (b"", 0, len(text))
