"""Row patterns -> positions with follow lists.

The pattern is written as a small machine first, from its end to its start, so that each part knows what follows it:

    A B* C       row A -> split(row B -> split, row C -> accept)

A follow list is what can be reached from behind a row without taking one, the preferred first.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import permutations
from typing import Final, TypeAlias

from typing_extensions import assert_never

from eventflux.language.ast import (
    RowAlternation,
    RowConcatenation,
    RowExclusion,
    RowGroup,
    RowPattern,
    RowPermutation,
    RowQuantifier,
    RowStart,
    RowVariable,
)
from eventflux.planner.logical.row_patterns import MatchPosition
from eventflux.types.record import record

MAX_PLACES: Final = 10_000


@dataclass(slots=True)
class _Row:
    variable: int
    next: int
    excluded: bool


@dataclass(slots=True)
class _Split:
    targets: list[int]


@dataclass(slots=True)
class _Begin:
    next: int


@dataclass(slots=True)
class _Round:
    """A round of a group begins that need not be."""

    next: int


@dataclass(slots=True)
class _RoundEnd:
    """It ends: one that took no row is the last."""

    begin: int
    next: int
    last: int


_Instruction: TypeAlias = _Row | _Split | _Begin | _Round | _RoundEnd | None
_Place = tuple[int, bool]
"""A row of the machine, and whether it has to be the first of its partition."""
_Step = tuple[int, bool, frozenset[int]]
"""On the way to one: also the rounds that have begun since the last row."""


class PatternTooLargeError(Exception):
    """The pattern has more places than are reasonable."""


@record(frozen=True, slots=True, kw_only=True)
class Positions:
    """What a row pattern comes to. `start` has None if the pattern matches without a row."""

    positions: tuple[MatchPosition, ...]
    start: tuple[int | None, ...]


def positions_of(pattern: RowPattern, numbers: dict[str, int]) -> Positions:
    """The positions of a pattern over variables with these numbers.

    Raises:
        PatternTooLargeError: Bounds are so high that the pattern has more than `MAX_PLACES` places.
    """
    machine = _Machine(numbers=numbers)
    entry = machine.pattern(pattern, _ACCEPT)
    places: dict[_Place, int] = {}
    found: list[_Place] = []

    def numbered(reached: list[_Place | None]) -> tuple[int | None, ...]:
        for place in reached:
            if place is not None and place not in places:
                places[place] = len(found)
                found.append(place)
        return tuple(None if place is None else places[place] for place in reached)

    start = numbered(machine.reached(entry, is_start=True))
    positions: list[MatchPosition] = []
    while len(positions) < len(found):
        index, only_first = found[len(positions)]
        row = machine.row(index)
        positions.append(
            MatchPosition(
                variable=row.variable,
                follow=numbered(machine.reached(row.next, is_start=False)),
                only_first=only_first,
                excluded=row.excluded,
            )
        )
    return Positions(positions=tuple(positions), start=start)


_ACCEPT: Final = 0


@dataclass(slots=True, kw_only=True)
class _Machine:
    numbers: dict[str, int]
    instructions: list[_Instruction] = field(default_factory=lambda: [None])
    excluding: bool = False

    def row(self, index: int) -> _Row:
        instruction = self.instructions[index]
        assert isinstance(instruction, _Row)
        return instruction

    def _add(self, instruction: _Instruction) -> int:
        if len(self.instructions) >= MAX_PLACES:
            raise PatternTooLargeError
        self.instructions.append(instruction)
        return len(self.instructions) - 1

    def pattern(self, node: RowPattern, following: int) -> int:
        """Add a part; gives where it is entered."""
        match node:
            case RowVariable():
                variable = self.numbers[node.name.name]

                def take(following: int) -> int:
                    return self._add(_Row(variable, following, self.excluding))

                return self._repeated(take, node.quantifier, following)
            case RowConcatenation():
                for item in reversed(node.items):
                    following = self.pattern(item, following)
                return following
            case RowAlternation():
                return self._add(_Split([self.pattern(item, following) for item in node.items]))
            case RowPermutation():
                orders = permutations(node.items)
                entries = [self.pattern(RowConcatenation(items=order), following) for order in orders]
                return self._add(_Split(entries))
            case RowExclusion():
                around, self.excluding = self.excluding, True
                entry = self.pattern(node.pattern, following)
                self.excluding = around
                return entry
            case RowStart():
                return self._add(_Begin(following))
            case RowGroup():
                inner = node.pattern
                return self._repeated(
                    lambda behind: self.pattern(inner, behind), node.quantifier, following, may_be_empty=True
                )
            case _:
                assert_never(node)

    def _repeated(
        self,
        part: Callable[[int], int],
        quantifier: RowQuantifier | None,
        following: int,
        *,
        may_be_empty: bool = False,
    ) -> int:
        if quantifier is None:
            return part(following)

        def round_of(entry: int) -> int:
            if not may_be_empty or entry == following:
                return part(entry)
            begin = _Round(0)
            number = self._add(begin)
            begin.next = part(self._add(_RoundEnd(begin=number, next=entry, last=following)))
            return number

        entry = following
        if quantifier.maximum is None:
            split = _Split([])
            entry = self._add(split)
            split.targets = self._preferred(round_of(entry), following, quantifier)
        else:
            for _ in range(quantifier.maximum - quantifier.minimum):
                entry = self._add(_Split(self._preferred(round_of(entry), following, quantifier)))
        for _ in range(quantifier.minimum):
            entry = part(entry)
        return entry

    def _preferred(self, again: int, on: int, quantifier: RowQuantifier) -> list[int]:
        return [on, again] if quantifier.reluctant else [again, on]

    def reached(self, entry: int, *, is_start: bool) -> list[_Place | None]:
        """The rows (None: the end) that can be reached without taking one, the preferred first."""
        found: dict[_Place | None, None] = {}
        seen: set[_Step] = set()
        waiting: list[_Step] = [(entry, False, frozenset())]
        while waiting:
            step = waiting.pop()
            if step in seen:
                continue
            seen.add(step)
            index, only_first, rounds = step
            match self.instructions[index]:
                case None:
                    found.setdefault(None)
                case _Row():
                    found.setdefault((index, only_first))
                case _Split(targets=targets):
                    waiting.extend((target, only_first, rounds) for target in reversed(targets))
                case _Round(next=following):
                    waiting.append((following, only_first, rounds | {index}))
                case _RoundEnd(begin=begin, next=following, last=last):
                    waiting.append((last if begin in rounds else following, only_first, rounds))
                case _Begin(next=following):
                    if is_start:
                        waiting.append((following, True, rounds))
        return list(found)
