"""One pass over a text before parsing: statements, their languages, comments, unterminated tokens, nesting.

    @info(name='q') from S select a insert into O;   -- a comment   SELECT 1;
    |<------------- EVENTFLUXQL ---------------->|                 |<-SQL->|

The parser then sees one statement at a time, so that an error in one does not hide those of the next, and so that each
statement is read in its own language. A partition is cut into its header and its inner statements. Comments are
replaced by spaces of the same length: offsets stay those of the text. Linear in the length of the text.
"""

from __future__ import annotations

import re
from typing import Final

from eventflux.types.dialect import Dialect
from eventflux.types.error_codes import ErrorCode
from eventflux.types.record import record

MAX_DEPTH: Final = 64
"""Deepest nesting that is accepted: a bracket is one level, a CASE or a query in brackets two."""


@record(frozen=True, slots=True)
class Segment:
    """A statement without the `;` behind it, in offsets of the text."""

    start: int
    end: int
    dialect: Dialect


@record(frozen=True, slots=True)
class PartitionSegment:
    """A partition block: everything up to and with BEGIN, the inner statements, and where END is or should be."""

    header: Segment
    statements: tuple[Segment, ...]
    end: int
    """Behind END; where END is missing, the end of the text."""
    is_closed: bool
    """Whether both BEGIN and END are there."""


@record(frozen=True, slots=True)
class ScanError:
    """A fact found while scanning, in offsets of the text."""

    start: int
    end: int
    code: ErrorCode
    message: str
    hint: str | None = None


@record(frozen=True, slots=True)
class ScannedText:
    """The text with comments blanked, its statements in order, and what is wrong with it."""

    text: str
    segments: tuple[Segment | PartitionSegment, ...]
    errors: tuple[ScanError, ...]


_BLANK: Final = re.compile(r"[ \t\r\n\f\v\ufeff]+")
_WORD: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_$]*")
_TOKEN: Final = re.compile(r"--|/\*|'|\"|`|\$\$|[()\[\]{};]|[A-Za-z_][A-Za-z0-9_$]*")
_NEWLINE: Final = re.compile(r"[\r\n]|\Z")
_BLOCK: Final = re.compile(r"/\*|\*/")
_ESCAPED: Final = re.compile(r"(?:[^'\\]|\\.|'')*'", re.DOTALL)
_SCRIPT: Final = re.compile(r"[{}\"'\n]|//|#")
_ANNOTATION: Final = re.compile(r"@\s*\w+(?:\s*:\s*\w+)?")
_SCRIPT_LANGUAGE: Final = re.compile(r"\[\s*(\w+)\s*\]")
_AFTER_END: Final = re.compile(r"(?:\s|--[^\r\n]*|/\*.*?\*/)*(?:;|\Z)", re.DOTALL)
_PARTITION_END: Final = re.compile(r"\bEND\s*(?=;|\Z)", re.IGNORECASE)
_SUBQUERY: Final = re.compile(r"\(\s*(?:SELECT|WITH|FROM)\b", re.IGNORECASE)
_SQL_WORDS: Final = frozenset(
    ["CREATE", "INSERT", "SELECT", "UPDATE", "DELETE", "UPSERT", "MERGE", "DROP", "ALTER", "SET", "WITH", "EXPLAIN"]
)


def scan(text: str, language: Dialect | None = None) -> ScannedText:
    """Cut a text into statements; `language` None decides statement by statement."""
    return _Scanner(text, language).run()


class _Nesting:
    """Open brackets and their weight."""

    __slots__ = ("depth", "levels")

    def __init__(self) -> None:
        self.depth = 0
        self.levels: list[int] = []

    def open(self, levels: int) -> None:
        self.levels.append(levels)
        self.depth += levels

    def close(self) -> None:
        """Close the innermost; one without an opening is the parser's to report."""
        if self.levels:
            self.depth -= self.levels.pop()


class _Scanner:
    def __init__(self, text: str, language: Dialect | None) -> None:
        self.text = text
        self.language = language
        self.position = 0
        self.last_dialect: Dialect | None = language
        self.comments: list[tuple[int, int]] = []
        self.errors: list[ScanError] = []

    def run(self) -> ScannedText:
        segments: list[Segment | PartitionSegment] = []
        while True:
            self._skip_blank(nested=True)
            if self.position >= len(self.text):
                break
            if self.text[self.position] == ";":
                self.position += 1
                continue
            segments.append(self._statement())
        return ScannedText(self._blanked(), tuple(segments), tuple(self.errors))

    # -- statements

    def _statement(self) -> Segment | PartitionSegment:
        start = self.position
        words, body = self._first_words()
        if words[:2] == ["PARTITION", "WITH"]:
            return self._partition(start)
        dialect = self._dialect(words, body)
        is_function = words[:2] in (["DEFINE", "FUNCTION"], ["CREATE", "FUNCTION"])
        end = self._skip_statement(dialect, body, is_function=is_function, in_partition=False)
        if self.position < len(self.text):
            self.position += 1
        return Segment(start, end, dialect)

    def _partition(self, start: int) -> PartitionSegment:
        header_end = self._skip_header()
        inner: list[Segment] = []
        is_closed = False
        while header_end is not None:
            self._skip_blank(nested=True)
            if self.position >= len(self.text):
                break
            if self.text[self.position] == ";":
                self.position += 1
                continue
            word = _WORD.match(self.text, self.position)
            if word is not None and word.group().upper() == "END":
                self.position = word.end()
                is_closed = True
                break
            segment_start = self.position
            words, body = self._first_words()
            dialect = self._dialect(words, body)
            end = self._skip_statement(dialect, body, is_function=False, in_partition=True)
            inner.append(Segment(segment_start, end, dialect))
            if self.position < len(self.text) and self.text[self.position] == ";":
                self.position += 1
        end = self.position
        if self.language is not None:
            dialect = self.language
        elif any(segment.dialect is Dialect.SQL for segment in inner) or not inner:
            dialect = Dialect.SQL
        else:
            dialect = Dialect.EVENTFLUXQL
        header = Segment(start, header_end if header_end is not None else end, dialect)
        if header_end is None:
            # BEGIN is missing: what would be inside is not read, so that its END is not an error of its own.
            stop = _PARTITION_END.search(self.text, end)
            if stop is not None:
                self.position = stop.end()
        elif is_closed:
            self._expect_end_of_statement()
        return PartitionSegment(header, tuple(inner), end, is_closed)

    def _expect_end_of_statement(self) -> None:
        self._skip_blank(nested=True)
        if self.position < len(self.text):
            if self.text[self.position] == ";":
                self.position += 1
                return
            word = _WORD.match(self.text, self.position)
            end = word.end() if word is not None else self.position + 1
            found = self.text[self.position : end]
            self.errors.append(ScanError(self.position, end, ErrorCode.SYNTAX, f"expected ';' but found {found!r}"))

    def _first_words(self) -> tuple[list[str], int]:
        """Up to three words of the statement at the position, behind its annotations, and where they start."""
        kept = self.position
        try:
            while self.position < len(self.text) and self.text[self.position] == "@":
                self._skip_annotation()
            body = self.position
            words: list[str] = []
            while len(words) < 3 and (match := _WORD.match(self.text, self.position)):
                words.append(match.group().upper())
                self.position = match.end()
                self._skip_blank(nested=False, record=False)
            if len(words) < 3 and self.position < len(self.text):
                words.append(self.text[self.position])
            return words, body
        finally:
            self.position = kept

    def _skip_annotation(self) -> None:
        head = _ANNOTATION.match(self.text, self.position)
        if head is None:
            self.position += 1
            return
        self.position = head.end()
        self._skip_blank(nested=False, record=False)
        if self.position < len(self.text) and self.text[self.position] == "(":
            depth = 0
            while match := _TOKEN.search(self.text, self.position):
                self.position = match.end()
                lexeme = match.group()
                if lexeme == "(":
                    depth += 1
                elif lexeme == ")":
                    depth -= 1
                    if depth == 0:
                        break
                elif lexeme in "'\"":
                    self._skip_string(match.start(), Dialect.EVENTFLUXQL, report=False)
                elif lexeme == ";":
                    self.position = match.start()
                    break
            else:
                self.position = len(self.text)
        self._skip_blank(nested=False, record=False)

    def _dialect(self, words: list[str], body: int) -> Dialect:
        if self.language is not None:
            return self.language
        first = words[0] if words else ""
        if first == "DEFINE":
            return Dialect.EVENTFLUXQL
        if first == "FROM":
            is_sql = len(words) > 2 and words[1] in ("PATTERN", "SEQUENCE") and words[2] == "("
            return Dialect.SQL if is_sql else Dialect.EVENTFLUXQL
        if first not in _SQL_WORDS and self.text.startswith("@", body):
            return Dialect.EVENTFLUXQL
        return Dialect.SQL

    def _skip_header(self) -> int | None:
        """Move behind the BEGIN of a partition and return that place, or None (at `;` or the end) if there is none."""
        nesting = _Nesting()
        while match := _TOKEN.search(self.text, self.position):
            self.position = match.end()
            lexeme = match.group()
            if lexeme in "([":
                self._open(nesting, match.start(), 1)
            elif lexeme in ")]":
                nesting.close()
            elif lexeme == ";":
                self.position = match.start()
                return None
            elif lexeme.upper() == "BEGIN" and nesting.depth == 0:
                return self.position
            else:
                self._skip_opaque(lexeme, match.start(), Dialect.SQL)
        self.position = len(self.text)
        return None

    def _skip_statement(self, dialect: Dialect, body: int, *, is_function: bool, in_partition: bool) -> int:
        """Move to the `;` (or END of the partition, or end of the text) behind a statement and return that place.

        In front of `body` are annotations, whose strings are EventFluxQL's in both languages.
        """
        self.last_dialect = dialect
        statement = self.position
        nesting = _Nesting()
        cases = 0
        while match := _TOKEN.search(self.text, self.position):
            lexeme, start = match.group(), match.start()
            word = lexeme.upper()
            self.position = match.end()
            if lexeme == "{" and is_function:
                self._skip_script(statement, start)
            elif lexeme in "([{":
                self._open(nesting, start, 2 if _SUBQUERY.match(self.text, start) else 1)
            elif lexeme in ")]}":
                nesting.close()
            elif lexeme == ";":
                self.position = start
                return start
            elif word == "CASE" and dialect is Dialect.SQL and self.text[start - 1] != ".":
                self._open(nesting, start, 2)
                cases += 1
            elif word == "END" and cases and self.text[start - 1] != ".":
                cases -= 1
                nesting.close()
            elif word == "END" and in_partition and _AFTER_END.match(self.text, self.position):
                self.position = start
                return start
            else:
                self._skip_opaque(lexeme, start, dialect if start >= body else Dialect.EVENTFLUXQL)
        self.position = len(self.text)
        return self.position

    def _open(self, nesting: _Nesting, start: int, levels: int) -> None:
        if nesting.depth <= MAX_DEPTH < nesting.depth + levels:
            self._error(start, start + 1, ErrorCode.TOO_DEEP, f"nested deeper than {MAX_DEPTH} levels")
        nesting.open(levels)

    def _error(self, start: int, end: int, code: ErrorCode, message: str) -> None:
        self.errors.append(ScanError(start, end, code, message))

    # -- what statements are not looked for in

    def _skip_opaque(self, lexeme: str, start: int, dialect: Dialect) -> None:
        if lexeme == "--":
            self._skip_line_comment(start)
        elif lexeme == "/*":
            self._skip_block_comment(start, nested=dialect is Dialect.SQL)
        elif lexeme in "'\"":
            self._skip_string(start, dialect)
        elif lexeme == "`":
            self._skip_quoted(start, "`", "quoted name")
        elif lexeme == "$$" and dialect is Dialect.SQL:
            end = self.text.find("$$", self.position)
            if end < 0:
                self._error(start, start + 2, ErrorCode.UNTERMINATED, "unterminated string")
            self.position = end + 2 if end >= 0 else len(self.text)

    def _skip_string(self, start: int, dialect: Dialect, *, report: bool = True) -> None:
        """Move behind the string or quoted identifier that starts at `start`; the position is behind its quote."""
        text, quote = self.text, self.text[start]
        if dialect is Dialect.EVENTFLUXQL:
            if text.startswith('"""', start):
                end = text.find('"""', start + 3)
                end = end + 3 if end >= 0 else -1
            else:
                end = text.find(quote, start + 1) + 1
                stop = _NEWLINE.search(text, start)
                line_end = stop.start() if stop is not None else len(text)
                if end == 0 or end > line_end:
                    # Such a string can't span lines: one slip is to cost one statement, not all that follow.
                    if report:
                        self._error(start, line_end, ErrorCode.UNTERMINATED, "unterminated string")
                    semicolon = text.rfind(";", start, line_end)
                    self.position = semicolon if semicolon >= 0 else line_end
                    return
            if end < 0:
                if report:
                    self._error(start, start + 3, ErrorCode.UNTERMINATED, "unterminated string")
                end = len(text)
            self.position = end
            return
        if (
            quote == "'"
            and text[start - 1 : start] in ("e", "E")
            and not _WORD.match(text, max(0, start - 2), start - 1)
        ):
            escaped = _ESCAPED.match(text, start + 1)
            if escaped is not None:
                self.position = escaped.end()
            else:
                self._error(start - 1, start + 1, ErrorCode.UNTERMINATED, "unterminated string")
                self.position = len(text)
            return
        self._skip_quoted(start, quote, "string" if quote == "'" else "quoted name")

    def _skip_quoted(self, start: int, quote: str, what: str) -> None:
        """Move behind a token in which a doubled quote stands for one."""
        position = start + 1
        while (end := self.text.find(quote, position)) >= 0:
            if not self.text.startswith(quote, end + 1):
                self.position = end + 1
                return
            position = end + 2
        self._error(start, start + 1, ErrorCode.UNTERMINATED, f"unterminated {what}")
        self.position = len(self.text)

    def _skip_script(self, statement: int, start: int) -> None:
        """Move behind the balanced `{...}` of a script function; strings and comments in it may hold braces."""
        language = _SCRIPT_LANGUAGE.search(self.text, statement, start)
        comment = "#" if language is not None and language.group(1).lower() == "python" else "//"
        depth = 1
        while match := _SCRIPT.search(self.text, self.position):
            lexeme = match.group()
            self.position = match.end()
            if lexeme == "{":
                depth += 1
            elif lexeme == "}":
                depth -= 1
                if depth == 0:
                    return
            elif lexeme == comment:
                stop = _NEWLINE.search(self.text, self.position)
                self.position = stop.start() if stop is not None else len(self.text)
            elif lexeme in ("'", '"'):
                end = self.text.find(lexeme, self.position)
                if end >= 0 and (lexeme == '"' or "\n" not in self.text[self.position : end]):
                    self.position = end + 1
        self._error(start, start + 1, ErrorCode.UNTERMINATED, "unterminated script body")
        self.position = len(self.text)

    # -- blanks and comments

    def _skip_blank(self, *, nested: bool, record: bool = True) -> None:
        """Move behind white space and comments. `nested`: between statements, where the language is not known yet."""
        text = self.text
        while True:
            blank = _BLANK.match(text, self.position)
            if blank is not None:
                self.position = blank.end()
            start = self.position
            if text.startswith("--", start):
                self._skip_line_comment(start, record=record)
            elif text.startswith("/*", start):
                self._skip_block_comment(start, nested=nested, record=record)
            else:
                return

    def _skip_line_comment(self, start: int, *, record: bool = True) -> None:
        stop = _NEWLINE.search(self.text, start)
        self.position = stop.start() if stop is not None else len(self.text)
        if record:
            self.comments.append((start, self.position))

    def _skip_block_comment(self, start: int, *, nested: bool, record: bool = True) -> None:
        depth, position, first_end = 0, start, -1
        while match := _BLOCK.search(self.text, position):
            position = match.end()
            if match.group() == "/*":
                depth += 1
                if not nested and depth > 1:
                    depth = 1
            else:
                depth -= 1
                first_end = position if first_end < 0 else first_end
                if depth == 0:
                    break
        if depth != 0:
            # A comment that only closes when not nested is EventFluxQL's; there it may also run to the end of the text.
            position = first_end if first_end >= 0 else len(self.text)
            if first_end < 0 and record and self.last_dialect is not Dialect.EVENTFLUXQL:
                self._error(start, start + 2, ErrorCode.UNTERMINATED, "unterminated comment")
        self.position = position
        if record:
            self.comments.append((start, position))

    def _blanked(self) -> str:
        if not self.comments and "\ufeff" not in self.text:
            return self.text
        pieces: list[str] = []
        done = 0
        for start, end in self.comments:
            pieces += [self.text[done:start], " " * (end - start)]
            done = end
        pieces.append(self.text[done:])
        return "".join(pieces).replace("\ufeff", " ")
