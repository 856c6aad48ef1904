"""The table of error codes: the only place where a number is chosen. A number is never reused.

SQLnnnn: everything wrong in an application text, in either dialect. Wnn: warnings about a text. EFX-nnnn: the rest.
"""

from __future__ import annotations

import enum

from typing_extensions import Self


class ErrorCode(str, enum.Enum):
    """A stable code; a member is its code as a string, `summary` says what it is about."""

    summary: str

    def __new__(cls, code: str, summary: str) -> Self:
        member = str.__new__(cls, code)
        member._value_ = code
        member.summary = summary
        return member

    def __str__(self) -> str:
        return str.__str__(self)

    EMPTY_APP = "SQL1001", "the application is empty"
    SYNTAX = "SQL1002", "unexpected text"
    UNTERMINATED = "SQL1003", "unterminated string, comment or quoted identifier"
    INTEGER_RANGE = "SQL1004", "integer does not fit"
    RESERVED_WORD = "SQL1005", "reserved word used as a name"
    INVALID_DURATION = "SQL1006", "invalid duration, rate or unit"
    TOO_DEEP = "SQL1007", "brackets nested too deeply"
    NOT_SUPPORTED = "SQL1010", "not supported"

    UNDEFINED_RELATION = "SQL2001", "undefined stream, table, window, trigger or aggregation"
    DUPLICATE_DEFINITION = "SQL2002", "defined twice with different columns"
    UNDEFINED_COLUMN = "SQL2003", "undefined or ambiguous column"
    UNKNOWN_TYPE = "SQL2004", "unknown type"
    COLUMN_MISMATCH = "SQL2005", "select list does not fit the target"
    DUPLICATE_COLUMN = "SQL2006", "output column appears twice"
    CONFLICTING_INSERTS = "SQL2007", "queries insert different columns into one stream"
    UNKNOWN_FUNCTION = "SQL2008", "unknown function or aggregator"
    MISPLACED_AGGREGATE = "SQL2009", "aggregate where none is allowed"
    TYPE_MISMATCH = "SQL2010", "operand or argument of a wrong type"
    NEEDS_PRIMARY_KEY = "SQL2011", "IN needs a table with a primary key"
    NOT_READABLE_AS_STREAM = "SQL2012", "not readable as a stream"
    EVENT_TIME_MISMATCH = "SQL2013", "event time on one side only"
    TABLE_IN_PATTERN = "SQL2014", "table in a pattern"
    DUPLICATE_NAME = "SQL2015", "name given twice"
    INVALID_DEFINITION = "SQL2016", "definition or annotation that is not valid"
    INVALID_QUERY = "SQL2017", "query that is not valid"

    UNKNOWN_WINDOW = "SQL3001", "unknown window"
    WINDOW_ARGUMENTS = "SQL3002", "wrong window arguments"
    WINDOW_CONSTANT = "SQL3003", "window argument must be a constant or a column"
    WINDOW_NOT_COPIED = "SQL3004", "window cannot be copied to the other side of a join"

    INVALID_WITHIN = "SQL4001", "WITHIN that is not valid"
    MISPLACED_EVERY = "SQL4002", "EVERY inside a sequence"
    ABSENT_NEEDS_TIME = "SQL4003", "NOT needs FOR or AND"
    ELEMENT_NEEDS_ALIAS = "SQL4004", "pattern element needs an alias"
    INVALID_QUANTIFIER = "SQL4005", "quantifier that is not valid"
    LOGICAL_OPERANDS = "SQL4006", "AND/OR joins single elements"
    MATCH_RECOGNIZE = "SQL4007", "MATCH_RECOGNIZE that is not supported"

    MISSING_PROPERTY = "SQL5001", "required property is missing"
    INVALID_STREAM_KIND = "SQL5002", "property does not fit the kind of stream or table"
    DUPLICATE_PROPERTY = "SQL5003", "property given twice"
    UNKNOWN_PROPERTY = "SQL5004", "unknown property"
    UNSET_VARIABLE = "SQL5005", "variable is not set"
    NOT_INSTALLED = "SQL5006", "extension is not installed"
    INVALID_DLQ = "SQL5007", "dead-letter stream is missing or does not fit"
    UNKNOWN_CONFIGURED_STREAM = "SQL5008", "configuration of a stream that does not exist"
    PROPERTY_VALUE = "SQL5009", "property value of a wrong type"

    LENGTH_IGNORED = "W01", "length of a string type is ignored"
    NUMERIC_IS_DOUBLE = "W02", "NUMERIC has the precision of a double"
    SESSION_WITHOUT_KEY = "W03", "session window without a key"
    UNBOUNDED_JOIN = "W04", "join keeps all rows"
    CONFLICTING_LAYERS = "W05", "configuration layers disagree on the type"
    MUTATION_WITHOUT_WHERE = "W06", "mutation of every row"
    UNBOUNDED_PATTERN = "W07", "pattern with EVERY and without WITHIN"
    UNUSED_STREAM = "W08", "stream is never used"
    LIST_FOR_VALUE = "W09", "list where a single value is expected"

    INTERNAL = "EFX-0001", "engine error"
    UNPRINTABLE = "EFX-0002", "statement that the other dialect can't say"
    EXTENSION_NOT_FOUND = "EFX-1001", "extension not found"
    EXTENSION_FAILED = "EFX-1002", "extension failed"
    CONFIG = "EFX-1101", "invalid configuration"
    EVENT_DATA = "EFX-1201", "event data does not fit the stream"
    MAPPING = "EFX-1202", "payload cannot be mapped"
    UNDEFINED_STREAM = "EFX-1301", "no such stream"
    UNDEFINED_QUERY = "EFX-1302", "no such query"
    RUNTIME_STATE = "EFX-1401", "not possible in this state of the runtime"
    RUNTIME_PAUSED = "EFX-1402", "runtime is paused"
    RUNTIME_STOPPED = "EFX-1403", "runtime is stopped"
    BACKPRESSURE = "EFX-1501", "no room in the buffer"
    CONNECTION_UNAVAILABLE = "EFX-1601", "connection unavailable"
    STATE = "EFX-2001", "state error"
    REVISION_NOT_FOUND = "EFX-2002", "revision not found"
    INCOMPATIBLE_STATE = "EFX-2003", "state of another app or version"
    CORRUPT_STATE = "EFX-2004", "state is corrupt"
    SERIALIZATION = "EFX-2005", "value cannot be serialized"
    ERROR_STORE = "EFX-2101", "error store failed"
    DATABASE = "EFX-2201", "database failed"
    DISTRIBUTED = "EFX-3001", "distributed operation failed"
    TRANSPORT = "EFX-3002", "transport failed"
    STATE_BACKEND = "EFX-3003", "state backend failed"
    COORDINATION = "EFX-3004", "coordination failed"
    OUT_OF_MEMORY = "EFX-4001", "memory limit reached"
