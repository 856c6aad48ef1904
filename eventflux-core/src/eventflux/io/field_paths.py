"""Paths into nested values: ``$.a.b``, ``$['a']``, ``$.list[0]``, and ``[*]`` in an enclosing element."""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import Enum
from typing import Final

from eventflux.types.record import record

Step = str | int


class Absent(Enum):
    """The type of `ABSENT`: the path leads nowhere, as opposed to null."""

    ABSENT = "absent"


ABSENT: Final = Absent.ABSENT

_STEP: Final = re.compile(r"\.([^.\[\]'\"]+)|\[(\d+)\]|\[(\*)\]|\['((?:[^'\\]|\\.)*)'\]|\[\"((?:[^\"\\]|\\.)*)\"\]")
_ESCAPE: Final = re.compile(r"\\(.)")


@record(frozen=True, slots=True)
class FieldPath:
    """A parsed path; ``every`` is set where it ends in ``[*]``."""

    text: str
    steps: tuple[Step, ...]
    every: bool = False

    def of(self, value: object) -> object:
        """What the path leads to from a value, or `ABSENT`."""
        for step in self.steps:
            if isinstance(value, dict):
                value = value.get(step, ABSENT) if isinstance(step, str) else ABSENT
            elif isinstance(value, list) and isinstance(step, int) and step < len(value):
                value = value[step]
            else:
                return ABSENT
            if value is ABSENT:
                return ABSENT
        return value


def parse_path(text: str, *, allow_every: bool = False) -> FieldPath:
    """Read a path; ``a.b`` without ``$`` is the same as ``$.a.b``.

    Raises:
        ValueError: The text is not a path.
    """
    rest = text.strip()
    if rest.startswith("$"):
        rest = rest[1:]
    elif rest and not rest.startswith("["):
        rest = "." + rest
    steps: list[Step] = []
    every = False
    position = 0
    while position < len(rest):
        match = _STEP.match(rest, position)
        if match is None or every:
            raise ValueError(f"{text!r} is not a path such as $.a.b or $['a'][0]")
        name, index, star, single, double = match.groups()
        if star is not None:
            every = True
        elif index is not None:
            steps.append(int(index))
        elif name is not None:
            steps.append(name.strip())
        else:
            steps.append(_ESCAPE.sub(r"\1", single if single is not None else double))
        position = match.end()
    if every and not allow_every:
        raise ValueError(f"{text!r}: [*] is allowed in an enclosing element only")
    return FieldPath(text, tuple(steps), every)


def path_of(steps: Sequence[Step]) -> str:
    """The text of a path."""
    return "$" + "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps)
