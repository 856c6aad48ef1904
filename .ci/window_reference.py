"""Writes `docs/reference/windows.md` from the declarations of the built-in windows.

python .ci/window_reference.py            # write it
python .ci/window_reference.py --check    # fail if it is not what the declarations say
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from eventflux.builtin.windows import bounded, count_based, delayed, external_time, keyed, time_based
from eventflux.extension.declaration import ANY, Extension, Overload, Parameter, ParameterForm
from eventflux.types.attribute_type import AttributeType

PAGE = Path(__file__).resolve().parents[1] / "docs" / "reference" / "windows.md"

INTRODUCTION = """\
# Windows

This page lets you look up each window: what it holds, what it puts out and when. The part on each window is made from
its declaration; the examples are planned by the tests. In EventFluxQL a window is written `from S#window.time(10 sec)`,
in SQL `FROM S WINDOW('time', 10 SECONDS)` or `FROM S WINDOW TIME(10 SECONDS)`; SQL takes names in any case and does not
read `_` in them.

## What comes out

An event leaves a window as **current** when it is let in or let go, and as **expired** when it leaves. Aggregates count
current events in and expired ones out, whichever of the two the query puts out; before a batch, batch windows also
make them begin anew.

| window | current | expired |
|---|---|---|
| sliding (the others) | each event, at once | what no longer belongs, before the event that pushes it out |
| batch (a name with `Batch`, `batch`, `hopping`) | a batch at its end | before it, the batch that went out last |
| batch with `stream_current_event` | each event, at once | the batch at its end |
| `session` | each event, at once | the session at its end |
| `cron` | what was collected, at a tick | before it, what went out last |
| `delay` | each event, a period later | nothing |
| `sort` | each event, at once | behind it, the last in order |
| `frequent`, `lossyFrequent` | events of frequent keys | the last event of a key that is no longer kept |
| `firstUnique`, `keepAll` | each event that is let in, at once | nothing |

* **Timestamps.** A current event keeps its own (`delay` and `expressionBatch`: the clock). An expired one has the clock
  at which it left; with `externalTime` and `externalTimeBatch` the time of the attribute, with `session` its own.
* **Aggregates.** On a batch a selection with aggregates puts out the last event, or the last of each group; on all
  other windows a row for each event.
* **A timer and an event at the same time.** In playback what is due at a time leaves before an event with that very
  timestamp enters.
* **Late events.** In playback an event older than the clock keeps its timestamp and meets the clock where it stands: a
  time window lets it in, behind younger ones, and it leaves with the next event or timer of its window.
* **A chunk** (`send_batch`) moves the clock once, to its last event, before the first is handled.
* **Partitions.** Each key has windows of its own: its own content, its own batches, its own timers.
* **Memory.** `timeBatch` and `lengthBatch` hold a batch. Where a query puts out nothing of it but aggregates and the
  keys that it groups by, not the expired events, and nothing else reads the window, they hold the groups alone:
  `SELECT symbol, SUM(volume) … GROUP BY symbol` over an hour takes as much as there are symbols.

What a join or an on-demand query finds in a window: the events that it holds; of a batch window the batch that went
out last, or with `stream_current_event` the events of the open one; of `session` nothing. `cron` cannot be searched.
Where nobody reads the expired events of a `lengthBatch` or `timeBatch` window, all batches since the start are found:
see [Joins](joins.md#batch-windows-that-keep-all-batches).

"""


def types_of(types: tuple[AttributeType, ...]) -> str:
    return "any" if types == ANY else " or ".join(each.name for each in types)


def shown(parameter: Parameter) -> str:
    match parameter.accepts:
        case ParameterForm.ATTRIBUTE:
            return f"an attribute, {types_of(parameter.plain_attribute_types)}"
        case ParameterForm.CONSTANT_OR_ATTRIBUTE:
            constant, attribute = types_of(parameter.constant_types), types_of(parameter.plain_attribute_types)
            return f"a constant, {constant}, or an attribute, {attribute}" if constant != attribute else constant
        case _:
            unit = f", in {parameter.unit}" if parameter.unit else ""
            return f"{types_of(parameter.constant_types)}{unit}"


def described(parameter: Parameter) -> str:
    default = parameter.default_value
    text = parameter.description
    if default is not None:
        value = str(default).lower() if isinstance(default, bool) else str(default)
        text += f" Default: {value}."
    return text


def form(declaration: Extension, overload: Overload) -> str:
    names = ", ".join(str(item) for item in overload.parameters)
    return f"{declaration.name}({names}{', ...' if overload.repeat else ''})"


def section(declaration: Extension) -> Iterator[str]:
    yield f"## {declaration.name}\n"
    if declaration.aliases:
        yield f"Also {', '.join(f'`{name}`' for name in declaration.aliases)}.\n"
    yield "".join(f"* `{form(declaration, overload)}`\n" for overload in declaration.forms)
    yield f"{declaration.description}\n"
    if declaration.parameters:
        rows = (f"| `{each.name}` | {shown(each)} | {described(each)} |\n" for each in declaration.parameters)
        yield "| argument | is | |\n|---|---|---|\n" + "".join(rows)
    yield "".join(f"```eventfluxql\n{example.code}\n```\n\n{example.description}\n" for example in declaration.examples)


def page() -> str:
    modules = (count_based, time_based, delayed, external_time, keyed, bounded)
    declarations = [declaration for module in modules for declaration in module.WINDOWS]
    parts = [f"{part}\n" for declaration in declarations for part in section(declaration) if part]
    return INTRODUCTION + "".join(parts).rstrip("\n") + "\n"


def main(arguments: list[str]) -> int:
    if "--check" in arguments:
        if PAGE.read_text() != page():
            sys.stderr.write(f"{PAGE} is not what the declarations say: run python .ci/window_reference.py\n")
            return 1
        return 0
    PAGE.write_text(page())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
