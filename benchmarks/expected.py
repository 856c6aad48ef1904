"""What each workload must emit: plain loops over the input, no engine.

python -m benchmarks.expected            # recompute and compare with expected.json
python -m benchmarks.expected --write    # write expected.json
"""

import json
import math
import sys
from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from benchmarks import inputs
from benchmarks.checksum import Result, result_of_rows

FILE = Path(__file__).with_name("expected.json")
SIZES = (20_000, 200_000, 1_000_000)
Rows = Iterator[tuple[Any, ...]]


def filter_project(n: int) -> Rows:
    for _, symbol, price, volume, _ in inputs.rows(inputs.trades(n)):
        if price > 500.0:
            yield symbol, price * volume


def length_window(n: int) -> Rows:
    """A row an event: the average of the last 1,000 prices."""
    prices: list[float] = inputs.trades(n)["price"].tolist()
    total = 0.0
    for position, price in enumerate(prices):
        total += price
        if position >= 1000:
            total -= prices[position - 1000]
        yield (total / min(position + 1, 1000),)


def tumbling_group_by(n: int) -> Rows:
    """Whole seconds; the one still open at the end emits nothing."""
    groups: dict[str, list[Any]] = {}
    second = None
    for ts, symbol, price, volume, _ in inputs.rows(inputs.trades(n, rate=100_000)):
        if ts // 1000 != second:
            for key, (total, amount, count, low, high) in groups.items():
                yield key, total, amount / count, count, low, high
            groups, second = {}, ts // 1000
        group = groups.setdefault(symbol, [0, 0.0, 0, math.inf, -math.inf])
        group[0] += volume
        group[1] += price
        group[2] += 1
        group[3] = min(group[3], price)
        group[4] = max(group[4], price)


def sliding_group_by(n: int) -> Rows:
    """A row an event, of the event's own group; an event of age 10,000 ms has left."""
    window: deque[tuple[int, str, float, int]] = deque()
    groups: defaultdict[str, list[Any]] = defaultdict(lambda: [0, 0.0, 0])
    for ts, symbol, price, volume, _ in inputs.rows(inputs.trades(n)):
        while window and window[0][0] <= ts - 10_000:
            _, gone, gone_price, gone_volume = window.popleft()
            group = groups[gone]
            group[0] -= gone_volume
            group[1] -= gone_price
            group[2] -= 1
        window.append((ts, symbol, price, volume))
        group = groups[symbol]
        group[0] += volume
        group[1] += price
        group[2] += 1
        yield symbol, group[0], group[1] / group[2], group[2]


def stream_join(n: int) -> Rows:
    """An event meets those of the other side with its id that are younger than a second."""
    sides: dict[str, defaultdict[int, deque[tuple[int, float]]]] = {
        "Orders": defaultdict(deque),
        "Payments": defaultdict(deque),
    }
    for ts, stream, key, amount in inputs.rows(inputs.orders(n)):
        other = sides["Payments" if stream == "Orders" else "Orders"][key]
        while other and other[0][0] <= ts - 1000:
            other.popleft()
        for _, met in other:
            yield (key, amount, met) if stream == "Orders" else (key, met, amount)
        sides[stream][key].append((ts, amount))


def table_lookup(n: int) -> Rows:
    table = {key: (name, factor) for key, name, factor in inputs.rows(inputs.products())}
    for _, symbol, price, _, account in inputs.rows(inputs.trades(n)):
        found = table.get(account)
        if found is not None:
            yield symbol, found[0], price * found[1]


def pattern(n: int) -> Rows:
    """Every A, then a B of its id at a higher price; 10,000 ms still counts; a B ends every A that it fits."""
    waiting: defaultdict[int, list[tuple[int, float]]] = defaultdict(list)
    for ts, stream, key, price in inputs.rows(inputs.ab(n)):
        if stream == "A":
            waiting[key].append((ts, price))
            continue
        kept = []
        for started, first in waiting[key]:
            if started < ts - 10_000:
                continue
            if price > first:
                yield key, first, price
            else:
                kept.append((started, first))
        waiting[key] = kept


def sequence(n: int) -> Rows:
    """Three rising prices in a row; matches overlap."""
    prices: list[float] = inputs.ticks(n)["price"].tolist()
    for first, second, third in zip(prices, prices[1:], prices[2:], strict=False):
        if first < second < third:
            yield first, second, third


def partitioned_pattern(n: int) -> Rows:
    """For each id: every price over 900, then one under 100, within 60 s."""
    waiting: defaultdict[int, list[tuple[int, float]]] = defaultdict(list)
    for ts, key, price in inputs.rows(inputs.ticks(n)):
        if price > 900.0:
            waiting[key].append((ts, price))
        elif price < 100.0:
            for started, first in waiting.pop(key, ()):
                if started >= ts - 60_000:
                    yield key, first, price


def incremental_aggregation(n: int) -> Rows:
    """The second buckets of the whole input, the running one too."""
    groups: defaultdict[tuple[int, str], list[Any]] = defaultdict(lambda: [0, 0.0, 0])
    for ts, symbol, price, volume, _ in inputs.rows(inputs.trades(n)):
        group = groups[ts // 1000, symbol]
        group[0] += volume
        group[1] += price
        group[2] += 1
    for (_, symbol), (total, amount, count) in groups.items():
        yield symbol, total, amount / count, count


def file_to_file(n: int) -> Rows:
    """Filter, whole seconds, 1,000 keys; the second still open at the end is not written."""
    groups: dict[str, list[Any]] = {}
    second = None
    for ts, symbol, price, volume, _ in inputs.rows(inputs.trades(n, rate=100_000)):
        if not price > 500.0:
            continue
        if ts // 1000 != second:
            for key, (total, amount, count) in groups.items():
                yield key, total, amount / count, count
            groups, second = {}, ts // 1000
        group = groups.setdefault(symbol, [0, 0.0, 0])
        group[0] += volume
        group[1] += price
        group[2] += 1


REFERENCES: dict[str, Callable[[int], Rows]] = {
    "a": filter_project,
    "b": length_window,
    "c": tumbling_group_by,
    "d": sliding_group_by,
    "e": stream_join,
    "f": table_lookup,
    "g": pattern,
    "h": sequence,
    "i": partitioned_pattern,
    "j": incremental_aggregation,
    "k": file_to_file,
}


def compute(workload: str, n: int) -> Result:
    return result_of_rows(REFERENCES[workload](n))


def expected(workload: str, n: int) -> Result:
    """From expected.json where the size is there, else computed now."""
    known = json.loads(FILE.read_text(encoding="utf-8"))[workload].get(str(n))
    return Result(**known) if known else compute(workload, n)


def main(arguments: list[str]) -> int:
    table = {name: {str(n): compute(name, n).as_dict() for n in SIZES} for name in REFERENCES}
    if arguments == ["--write"]:
        FILE.write_text(json.dumps(table, indent=1) + "\n", encoding="utf-8")
        return 0
    same = table == json.loads(FILE.read_text(encoding="utf-8"))
    print("expected.json is right" if same else "expected.json differs from what the references give")
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
