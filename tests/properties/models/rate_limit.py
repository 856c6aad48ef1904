"""Output rates, slowly and plainly: eventfluxql.md section 14, row by row."""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.native.operator_harness import CURRENT, EXPIRED, Row
from tests.native.rate_limit_harness import ALL, FIRST, LAST, SNAPSHOT, RateSpec, Step
from tests.properties.models.selection import identity

Key = tuple[object, ...]


@dataclass(slots=True)
class Slot:
    """What is known of one slot."""

    due: int | None = None
    counted: int = 0
    passed: int | None = None
    group_counted: dict[Key, int] = field(default_factory=dict)
    group_passed: dict[Key, int] = field(default_factory=dict)
    rows: list[Row] = field(default_factory=list)
    groups: dict[Key, Row] = field(default_factory=dict)
    latest: dict[Key, Row] = field(default_factory=dict)
    inside: dict[Key, int] = field(default_factory=dict)


class RateModel:
    """The rate limiter."""

    def __init__(self, spec: RateSpec) -> None:
        self.spec = spec
        self.slots: dict[int, Slot] = {}
        self.now = 0
        self.ticks = (spec.by_time and spec.rate != FIRST) or spec.rate == SNAPSHOT

    def purge(self, slot: int) -> None:
        self.slots.pop(slot, None)

    def key(self, row: Row) -> Key:
        return tuple(identity(row.values[column]) for column in self.spec.keys)

    def shown(self, row: Row) -> Row:
        return Row(row.values[: self.spec.shown], row.kind, row.timestamp, row.slot)

    def step(self, step: Step) -> list[list[Row]]:
        """Deliveries, in order."""
        self.now = max(self.now, step.clock)
        if self.ticks and not self.spec.partitioned and (0 not in self.slots or self.slots[0].due is None):
            self.slots.setdefault(0, Slot()).due = self.now + self.spec.every
        deliveries = self._pass() if self.ticks else []
        if self.ticks:
            for row in step.rows:
                self._keep(row)
        elif step.rows:
            deliveries += self._rows(step.rows)
        return [[self.shown(row) for row in delivery] for delivery in deliveries if delivery]

    # ---- rows that pass at once ----

    def _rows(self, rows: tuple[Row, ...]) -> list[list[Row]]:
        deliveries: list[list[Row]] = []
        together: list[Row] = []
        for row in rows:
            slot = self.slots.setdefault(row.slot, Slot())
            if self.spec.rate == FIRST:
                together += [row] if self._passes(slot, row) else []
            elif self.spec.rate == ALL:
                slot.rows.append(row)
                if len(slot.rows) == self.spec.every:
                    deliveries.append(slot.rows)
                    slot.rows = []
            else:
                deliveries += self._last(slot, row)
        return [*deliveries, together]

    def _passes(self, slot: Slot, row: Row) -> bool:
        key = self.key(row)
        if not self.spec.by_time:
            number = slot.group_counted.get(key, 0)
            slot.group_counted[key] = (number + 1) % self.spec.every
            return number == 0
        passed = slot.group_passed.get(key)
        if passed is not None and self.now < passed + self.spec.every:
            return False
        slot.group_passed[key] = self.now
        return True

    def _last(self, slot: Slot, row: Row) -> list[list[Row]]:
        slot.groups[self.key(row)] = row
        slot.counted += 1
        if slot.counted < self.spec.every:
            return []
        delivery = list(slot.groups.values())
        slot.counted = 0
        slot.groups = {}
        return [delivery]

    # ---- ticks ----

    def _pass(self) -> list[list[Row]]:
        fired = []
        while True:
            due = sorted(
                (slot.due, number)
                for number, slot in self.slots.items()
                if slot.due is not None and slot.due <= self.now
            )
            if not due:
                return fired
            slot = self.slots[due[0][1]]
            assert slot.due is not None
            fired.append(self._tick(slot))
            slot.due += self.spec.every

    def _tick(self, slot: Slot) -> list[Row]:
        if self.spec.rate != SNAPSHOT:
            delivery = slot.rows if self.spec.rate == ALL else list(slot.groups.values())
            slot.rows, slot.groups = [], {}
            return delivery
        return [Row(row.values, CURRENT, row.timestamp, row.slot) for row in self._snapshot(slot)]

    def _only_aggregates(self) -> bool:
        return len(self.spec.aggregates) == self.spec.shown > 0

    def _snapshot(self, slot: Slot) -> list[Row]:
        if not self.spec.windowed or self._only_aggregates():
            return list(slot.groups.values())
        if not self.spec.aggregates:
            return slot.rows
        if not self.spec.keys:
            return [self._with_latest(row, slot.latest[()]) for row in slot.rows]
        oldest: dict[Key, Row] = {}
        for row in slot.rows:
            oldest.setdefault(self.key(row), row)
        return [self._with_latest(row, slot.latest[key]) for key, row in oldest.items()]

    def _with_latest(self, row: Row, latest: Row) -> Row:
        values = tuple(latest.values[c] if c in self.spec.aggregates else value for c, value in enumerate(row.values))
        return Row(values, row.kind, row.timestamp, row.slot)

    def _keep(self, row: Row) -> None:
        slot = self.slots.setdefault(row.slot, Slot())
        if slot.due is None:
            slot.due = self.now + self.spec.every
        key, leaves = self.key(row), row.kind == EXPIRED
        if self.spec.rate == ALL:
            slot.rows.append(row)
        elif self.spec.rate == LAST or not self.spec.windowed:
            slot.groups[key] = row
        elif self._only_aggregates():
            self._count(slot, key, row, leaves)
        else:
            self._window(slot, key, row, leaves)

    def _count(self, slot: Slot, key: Key, row: Row, leaves: bool) -> None:
        if not self.spec.keys:
            slot.groups = {} if leaves else {(): row}
            return
        if leaves and key not in slot.groups:
            return
        slot.inside[key] = slot.inside.get(key, 0) + (-1 if leaves else 1)
        slot.groups[key] = row
        if slot.inside[key] == 0:
            del slot.groups[key], slot.inside[key]

    def _window(self, slot: Slot, key: Key, row: Row, leaves: bool) -> None:
        by_group = bool(self.spec.keys and self.spec.aggregates)
        if not leaves:
            slot.rows.append(row)
            slot.latest[key if by_group else ()] = row
            return
        same = [i for i, kept in enumerate(slot.rows) if self._stable(kept) == self._stable(row)]
        if same:
            del slot.rows[same[0]]
        if same or not by_group:
            slot.latest[key if by_group else ()] = row

    def _stable(self, row: Row) -> Key:
        return tuple(identity(value) for c, value in enumerate(row.values) if c not in self.spec.aggregates)
