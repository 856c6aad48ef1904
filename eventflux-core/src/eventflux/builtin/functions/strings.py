"""Strings: ``UPPER(s)`` in SQL, ``str:upper(s)`` in EventFluxQL.

Positions and lengths count characters (code points).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from eventflux.builtin.functions.declaring import also_as, argument, function
from eventflux.extension.declaration import ANY, Example, Extension, Overload, Parameter
from eventflux.types.attribute_type import AttributeType

_BOOL: Final = AttributeType.BOOL
_INT: Final = AttributeType.INT
_STRING: Final = AttributeType.STRING
_NAMESPACE: Final = "str"

_S: Final = argument("s", (_STRING,), "The text; null gives null.")
_N: Final = argument("n", (_INT,), "How many characters.")
_PART: Final = argument("part", (_STRING,), "The text looked for.")
_FILL: Final = argument("fill", (_STRING,), "What it is filled up with, over and over; blanks if left out.")
_CHARACTERS: Final = argument(
    "characters", (_STRING,), "The characters to drop; blanks and control characters if left out."
)


def _text(
    name: str,
    description: str,
    parameters: Sequence[Parameter],
    natives: dict[int, str],
    *examples: tuple[str, str],
    returns: AttributeType = _STRING,
    aliases: Sequence[str] = (),
    can_fail: bool = False,
) -> Extension:
    """A function whose forms differ in how many of the parameters they take."""
    return function(
        name,
        description,
        parameters=parameters,
        overloads=tuple(
            Overload(parameters=tuple(each.name for each in parameters[:count]), native=native)
            for count, native in natives.items()
        ),
        returns=returns,
        examples=tuple(Example(code, shows) for code, shows in examples),
        aliases=aliases,
        can_fail=can_fail,
    )


def _both(bare: Extension, name: str | None = None, *aliases: str) -> tuple[Extension, Extension]:
    return bare, also_as(bare, _NAMESPACE, name or bare.name.lower(), aliases=aliases)


LENGTH: Final = _text(
    "LENGTH",
    "How many characters the text has.",
    (_S,),
    {1: "length"},
    ("LENGTH('naïve') = 5", "Characters, not bytes."),
    returns=_INT,
    aliases=("CHAR_LENGTH", "CHARACTER_LENGTH"),
)
UPPER: Final = _text(
    "UPPER",
    "The text in capitals, by the Unicode tables, without a locale.",
    (_S,),
    {1: "upper"},
    ("UPPER('straße') = 'STRASSE'", "A text may grow."),
    aliases=("UCASE",),
)
LOWER: Final = _text(
    "LOWER",
    "The text in small letters, by the Unicode tables, without a locale.",
    (_S,),
    {1: "lower"},
    ("LOWER('ÀB') = 'àb'", "Letters with marks too."),
    aliases=("LCASE",),
)
TRIM: Final = _text(
    "TRIM",
    "The text without blanks, or without any of the given characters, at both ends.",
    (_S, _CHARACTERS),
    {1: "trim", 2: "trim_characters"},
    ("TRIM('  a b ') = 'a b'", "Blanks within stay."),
    ("TRIM('xxaxyx', 'xy') = 'a'", "Any of these characters."),
    aliases=("BTRIM",),
)
LTRIM: Final = _text(
    "LTRIM",
    "The text without blanks, or without any of the given characters, at its start.",
    (_S, _CHARACTERS),
    {1: "ltrim", 2: "ltrim_characters"},
    ("LTRIM('  a ') = 'a '", "The end stays."),
)
RTRIM: Final = _text(
    "RTRIM",
    "The text without blanks, or without any of the given characters, at its end.",
    (_S, _CHARACTERS),
    {1: "rtrim", 2: "rtrim_characters"},
    ("RTRIM(' a  ') = ' a'", "The start stays."),
)
REVERSE: Final = _text(
    "REVERSE", "The characters from last to first.", (_S,), {1: "reverse"}, ("REVERSE('abc') = 'cba'", "From the end.")
)
REPEAT: Final = _text(
    "REPEAT",
    "The text n times; empty if n is not positive. A result above 16 MiB fails the event.",
    (_S, argument("n", (_INT,), "How often.")),
    {2: "repeat"},
    ("REPEAT('ab', 2) = 'abab'", "Twice."),
    can_fail=True,
)
CONCAT: Final = function(
    "CONCAT",
    "The arguments one after the other, as text. Nulls count as nothing.",
    parameters=(argument("value", ANY, "A value of any type."),),
    overloads=(Overload(parameters=("value",), repeat=True, native="concat"),),
    returns=_STRING,
    examples=(
        Example("CONCAT('a', 1, TRUE) = 'a1true'", "Values are printed."),
        Example("CONCAT('a', CAST(NULL AS STRING)) = 'a'", "A null is nothing."),
    ),
)
SUBSTRING: Final = _text(
    "SUBSTRING",
    "The text from a position, counted from 1, to its end or for a length. What lies outside the text is nothing.",
    (
        _S,
        argument("start", (_INT,), "The position of the first character, from 1."),
        argument("length", (_INT,), "How many characters."),
    ),
    {2: "substring", 3: "substring_length"},
    ("SUBSTRING('hello', 2, 3) = 'ell'", "Three characters."),
    ("SUBSTRING('hello', 4) = 'lo'", "To the end."),
    ("SUBSTRING('hello', 0, 2) = 'h'", "Position 0 is before the text."),
    aliases=("SUBSTR",),
)
SUBSTR: Final = also_as(
    _text(
        "substr",
        "The text from a position, counted from 0, to its end or for a length. What lies outside the text is nothing.",
        (
            _S,
            argument("start", (_INT,), "The position of the first character, from 0."),
            argument("length", (_INT,), "How many characters."),
        ),
        {2: "substr", 3: "substr_length"},
        ("str:substr('hello', 1, 3) = 'ell'", "Three characters."),
    ),
    _NAMESPACE,
    aliases=("substring",),
)
LEFT: Final = _text(
    "LEFT", "The first n characters.", (_S, _N), {2: "left"}, ("LEFT('hello', 2) = 'he'", "The first two.")
)
RIGHT: Final = _text(
    "RIGHT", "The last n characters.", (_S, _N), {2: "right"}, ("RIGHT('hello', 2) = 'lo'", "The last two.")
)
LPAD: Final = _text(
    "LPAD",
    "The text filled up at its start to n characters, or cut to its first n. A result above 16 MiB fails the event.",
    (_S, _N, _FILL),
    {2: "lpad", 3: "lpad_with"},
    ("LPAD('7', 3, '0') = '007'", "Leading zeros."),
    can_fail=True,
)
RPAD: Final = _text(
    "RPAD",
    "The text filled up at its end to n characters, or cut to its first n. A result above 16 MiB fails the event.",
    (_S, _N, _FILL),
    {2: "rpad", 3: "rpad_with"},
    ("RPAD('ab', 5, 'xy') = 'abxyx'", "The last piece is cut."),
    can_fail=True,
)
REPLACE: Final = _text(
    "REPLACE",
    "The text with each occurrence of one text replaced by another. A result above 16 MiB fails the event.",
    (
        _S,
        argument("search", (_STRING,), "What is replaced."),
        argument("replacement", (_STRING,), "What stands there then."),
    ),
    {3: "replace"},
    ("REPLACE('a-b-c', '-', '+') = 'a+b+c'", "All of them."),
    can_fail=True,
)
SPLIT_PART: Final = _text(
    "SPLIT_PART",
    "The n-th of the parts between separators, counted from 1; empty behind the last, null for n below 1.",
    (
        _S,
        argument("separator", (_STRING,), "What stands between the parts."),
        argument("n", (_INT,), "Which part, from 1."),
    ),
    {3: "split_part"},
    ("SPLIT_PART('a,b,c', ',', 2) = 'b'", "The second."),
)
POSITION: Final = _text(
    "POSITION",
    "Where the text first contains the part, counted from 1; 0 if it does not. ``POSITION(part IN s)`` is the same.",
    (_PART, _S),
    {2: "position"},
    ("POSITION('l', 'hello') = 3", "The first of them."),
    ("POSITION('x', 'hello') = 0", "Absent."),
    returns=_INT,
    aliases=("LOCATE", "INSTR"),
)
STARTS_WITH: Final = _text(
    "STARTS_WITH",
    "Whether the text starts with the part.",
    (_S, _PART),
    {2: "starts_with"},
    ("STARTS_WITH('hello', 'he')", "It does."),
    returns=_BOOL,
    aliases=("startsWith",),
)
ENDS_WITH: Final = _text(
    "ENDS_WITH",
    "Whether the text ends with the part.",
    (_S, _PART),
    {2: "ends_with"},
    ("ENDS_WITH('hello', 'lo')", "It does."),
    returns=_BOOL,
    aliases=("endsWith",),
)
CONTAINS: Final = _text(
    "CONTAINS",
    "Whether the part is somewhere in the text.",
    (_S, _PART),
    {2: "contains"},
    ("CONTAINS('hello', 'ell')", "It does."),
    returns=_BOOL,
)
ASCII: Final = _text(
    "ASCII",
    "The code point of the first character; 0 for an empty text.",
    (_S,),
    {1: "ascii"},
    ("ASCII('A') = 65", "Of a letter."),
    returns=_INT,
)
CHR: Final = _text(
    "CHR",
    "The character of a code point; null if there is none.",
    (argument("n", (_INT,), "The code point."),),
    {1: "chr"},
    ("CHR(65) = 'A'", "A letter."),
    aliases=("CHAR",),
)
LIKE: Final = _text(
    "like",
    "Whether the whole text is of the pattern: ``%`` is any run of characters, ``_`` one character; the escape "
    "character (``\\`` if left out) makes the next one ordinary. False for nulls.",
    (
        argument("s", (_STRING,), "The text."),
        argument("pattern", (_STRING,), "The pattern."),
        argument("escape", (_STRING,), "The escape character."),
    ),
    {2: "like", 3: "like_escape"},
    ("like('abzq', 'a%z_')", "A run and one character."),
    ("like('50%', '50!%', '!')", "With an escape."),
    returns=_BOOL,
)
ILIKE: Final = _text(
    "ilike",
    "As ``like``, without regard to case.",
    LIKE.parameters,
    {2: "ilike", 3: "ilike_escape"},
    ("ilike('ABC', 'a%')", "Case does not matter."),
    returns=_BOOL,
)
REGEXP: Final = _text(
    "REGEXP_LIKE",
    "Whether the regular expression matches somewhere in the text; false for nulls. Java's syntax without back "
    "references, look-around and possessive repetition: the time is linear in the length of the text. An expression "
    "that is not constant and not valid fails the event.",
    (argument("s", (_STRING,), "The text."), argument("pattern", (_STRING,), "The regular expression.")),
    {2: "regexp"},
    ("REGEXP_LIKE('order 66', '\\d+$')", "Digits at the end."),
    returns=_BOOL,
    can_fail=True,
)

FUNCTIONS: Final[tuple[Extension, ...]] = (
    *_both(LENGTH),
    *_both(UPPER),
    *_both(LOWER),
    *_both(TRIM),
    *_both(LTRIM),
    *_both(RTRIM),
    *_both(REVERSE),
    *_both(REPEAT),
    *_both(CONCAT),
    SUBSTRING,
    SUBSTR,
    *_both(LEFT),
    *_both(RIGHT),
    *_both(LPAD),
    *_both(RPAD),
    *_both(REPLACE),
    *_both(SPLIT_PART, "split_part", "splitPart"),
    *_both(POSITION, None, "locate", "instr"),
    *_both(STARTS_WITH, "starts_with", "startsWith"),
    *_both(ENDS_WITH, "ends_with", "endsWith"),
    *_both(CONTAINS),
    *_both(ASCII),
    *_both(CHR, None, "char"),
    *_both(LIKE),
    *_both(ILIKE),
    *_both(REGEXP, "regexp"),
)
