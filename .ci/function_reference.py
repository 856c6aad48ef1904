"""Writes `docs/reference/functions.md` from the declarations of the built-in functions.

python .ci/function_reference.py            # write it
python .ci/function_reference.py --check    # fail if it is not what the declarations say
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from eventflux.builtin.functions import conditional, conversion, events, mathematics, objects, strings, time
from eventflux.extension.declaration import ANY, NUMERIC, Extension, Overload, TypeVariable
from eventflux.types.attribute_type import AttributeType

PAGE = Path(__file__).resolve().parents[1] / "docs" / "reference" / "functions.md"

INTRODUCTION = """\
# Functions

This page lets you look up each function of the two languages: what it takes, what it gives, what it does with nulls
and at its limits. It is made from the functions' own declarations; each example is an expression that is true, and is
run by the tests.

A function stands under its SQL name, which works in any case, in both languages; where EventFluxQL has a name in a
namespace, it stands beside it. Unless a function says otherwise, **a null argument gives null**. In SQL numbers are
widened to a common type (INT, LONG, FLOAT, DOUBLE, in this order); in EventFluxQL the arguments of `coalesce`,
`default`, `ifThenElse`, `maximum` and `minimum` have to be of one type. T is that type.

"""

RULES = """\
## Rules that hold for all

* **Text** is Unicode. Lengths and positions count characters (code points), not bytes. Case follows the Unicode tables
  and never a locale: `UPPER('straße')` is `STRASSE`. Texts are ordered by UTF-16 code units, as in Java.
* **Numbers as text** are Java's: `100.0`, `1.0E10`, `NaN`, `-Infinity`; a FLOAT or DOUBLE prints as the shortest text
  that reads back as the same number. Reading allows blanks around a FLOAT or DOUBLE, not around an INT or LONG.
* **Times** are LONG milliseconds since 1970-01-01T00:00:00Z in the proleptic Gregorian calendar; fields, formats and
  units are those of UTC. Units are singular or plural, in any case: MILLISECOND (MS), SECOND (SEC, S), MINUTE (MIN, M),
  HOUR (H), DAY (D), WEEK (W), MONTH, QUARTER, YEAR. Weeks are those of ISO 8601: they start on Monday, and week 1 has
  the year's first Thursday.
* **A function that fails** on a row takes that row to the fault handling of its query, and no other. Of the functions
  here only those that say "fails the event" can.

### Date patterns

The letters of Java's `SimpleDateFormat`, with English names. Text in single quotes stands for itself, two quotes for
one. Reading wants the whole text to be of the form, and every field within its range.

* Year: `y`, of the week `Y`, era `G`. Month: `M` and `L`; three letters `Jan`, four `January`.
* Week: of the year `w`, of the month `W`. Day: of the year `D`, of the month `d`; `F`: which such weekday of the month.
* Weekday: name `E`, number `u` (1 is Monday).
* Hour: `H` 0 to 23, `k` 1 to 24, `K` 0 to 11, `h` 1 to 12, AM or PM `a`. Minute `m`, second `s`, millisecond `S`.
* Zone: `z`, `Z`, `X`.

### Regular expressions

`REGEXP` and `REGEXP_LIKE` search anywhere in the text, in time linear in its length, whatever the expression. The
syntax is Java's, as far as that is possible so:

* characters: `x` `.` `[abc]` `[^a-z]`, `\\d \\D \\w \\W \\s \\S` (ASCII), `\\p{Alpha}`, `Digit`, `Alnum`,
  `Upper`, `Lower`, `Punct`, `Space`, `ASCII`, `\\t \\n \\r \\f \\a \\e \\xhh \\uhhhh`, `\\Q...\\E`
* places: `^` `$` `\\A` `\\z` `\\Z` `\\b` `\\B`
* groups and choice: `(x)` `(?:x)` `(?<name>x)` `x|y`
* repetition: `x?` `x*` `x+` `x{2}` `x{2,}` `x{2,5}`, each also with `?` behind; counts up to 1000
* flags: `(?i)` case, by Unicode; `(?m)` `^` and `$` at each line; `(?s)` `.` takes line ends too; `(?i:x)`

Refused, with a message that says so: back references, look-ahead and look-behind, possessive and atomic groups, classes
within classes. A Python function has them all, at the price of a call for each batch.
"""

FAMILIES = (
    ("Conversion and types", conversion.FUNCTIONS),
    ("Choice and nulls", conditional.FUNCTIONS),
    ("Mathematics", mathematics.FUNCTIONS),
    ("Text", strings.FUNCTIONS),
    ("Time", time.FUNCTIONS),
    ("Sets, structs, JSON", objects.FUNCTIONS),
    ("The event, the clock, chance", events.FUNCTIONS),
)


def escaped(text: str) -> str:
    return text.replace("|", "\\|")


def code(text: str) -> str:
    marks = "``" if "`" in text else "`"
    return f"{marks}{escaped(text)}{marks}"


def types_of(types: tuple[AttributeType, ...]) -> str:
    if types == ANY:
        return "any"
    if types == NUMERIC:
        return "number"
    return " or ".join(each.name for each in types)


def argument(declaration: Extension, form: Overload, index: int) -> str:
    item = form.item(index)
    name = declaration.parameters[min(index, len(declaration.parameters) - 1)].name
    match item:
        case TypeVariable():
            return f"{name} {'T' if item.types == ANY else f'T ({types_of(item.types)})'}"
        case AttributeType():
            return f"{name} {item.name}"
        case _:
            parameter = declaration.parameter(item)
            assert parameter is not None
            return f"{item} {types_of(parameter.constant_types)}"


def result(declaration: Extension, form: Overload) -> str:
    returns = declaration.returns if form.returns is None else form.returns
    match returns:
        case AttributeType():
            return returns.name
        case TypeVariable():
            return "T"
        case _:
            return "that type"


def forms(declaration: Extension) -> Iterator[str]:
    """`(x LONG) → LONG`, each once."""
    seen: set[str] = set()
    for form in declaration.forms:
        arguments = ", ".join(argument(declaration, form, index) for index in range(len(form.parameters)))
        text = f"({arguments}{', ...' if form.repeat else ''}) → {result(declaration, form)}"
        if text not in seen:
            seen.add(text)
            yield text


def section(title: str, functions: tuple[Extension, ...]) -> Iterator[str]:
    yield f"## {title}\n"
    bare = {each.name.casefold(): each for each in functions if not each.namespace}
    described: dict[str, list[Extension]] = {each.name: [each] for each in bare.values()}
    for each in functions:
        if not each.namespace:
            continue
        twin = next((other for other in bare.values() if other.description == each.description), None)
        described.setdefault(each.qualified_name if twin is None else twin.name, []).append(each)
    for name, spellings in described.items():
        first = spellings[0]
        yield f"### {name}\n"
        names = [
            f"{each.namespace}:{spelling}" if each.namespace else spelling
            for each in spellings
            for spelling in (each.name, *each.aliases)
        ]
        others = [other for other in dict.fromkeys(names) if other != name]
        if others:
            yield f"Also {', '.join(map(code, others))}.\n"
        yield "".join(f"* {code(form)}\n" for form in forms(first))
        yield f"{first.description}\n"
        yield (
            "| argument | |\n|---|---|\n"
            + "".join(f"| `{parameter.name}` | {escaped(parameter.description)} |\n" for parameter in first.parameters)
            if first.parameters
            else ""
        )
        yield "".join(f"* {code(example.code)}: {example.description}\n" for example in first.examples)


def page() -> str:
    parts = [INTRODUCTION]
    for title, functions in FAMILIES:
        parts += [f"{part}\n" for part in section(title, functions) if part]
    return "".join(parts) + RULES


def main(arguments: list[str]) -> int:
    if "--check" in arguments:
        if PAGE.read_text() != page():
            sys.stderr.write(f"{PAGE} is not what the declarations say: run python .ci/function_reference.py\n")
            return 1
        return 0
    PAGE.write_text(page())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
