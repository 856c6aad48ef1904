"""A file of tests -> cases. What is wrong with a file is told with its place."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from eventflux import ConfigError
from eventflux.types.duration import parse_duration

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

SUFFIXES: Final = (".test.yaml", ".test.yml", ".test.toml")
_APP_SUFFIXES: Final = (".sql", ".eventfluxql", ".siddhi")
_FILE_KEYS: Final = frozenset(
    {"app", "text", "variables", "config", "cases", "name", "steps", "expect", "expired", "failures"}
)
_CASE_KEYS: Final = frozenset({"name", "steps", "expect", "expired", "failures"})
_EXPECTATION_KEYS: Final = frozenset({"exact", "unordered", "contains", "count", "tolerance"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """What rows must be.

    Attributes:
        rows: Lists of values, or mappings of the attributes that matter.
        form: `exact`: these in this order; `unordered`: these in any; `contains`: at least these; `count`: so many.
        count: With `count`.
        tolerance: How far a number may be off.
    """

    rows: tuple[Any, ...] = ()
    form: str = "exact"
    count: int = 0
    tolerance: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Send:
    """Rows into a stream: one chunk if `is_chunk`, else each an event of its own."""

    stream: str
    rows: tuple[Any, ...]
    at: int | None = None
    is_chunk: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Advance:
    """Move the clock by so many milliseconds, or to a moment."""

    by: int = 0
    to: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """An on-demand query and what it must give."""

    text: str
    expect: Expectation | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Persist:
    """Save the state."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Restart:
    """Save, make the app anew, restore."""


Step = Send | Advance | Query | Persist | Restart


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One test.

    Attributes:
        name: In reports.
        steps: What happens.
        expect: Stream or query -> the rows that reached it.
        expired: Stream or query -> the expired rows that left it.
        failures: Parts of the messages of failures that must come, in order; none may come beside them.
    """

    name: str
    steps: tuple[Step, ...]
    expect: Mapping[str, Expectation] = field(default_factory=dict)
    expired: Mapping[str, Expectation] = field(default_factory=dict)
    failures: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseFile:
    """The cases of one file, and the app that they are about: a file, or a text."""

    path: Path
    app: Path | str
    cases: tuple[Case, ...]
    variables: Mapping[str, str] = field(default_factory=dict)
    config: Path | Mapping[str, Any] | None = None


def files_of(paths: Sequence[str]) -> list[Path]:
    """The test files that paths mean: files as they are, folders with all `*.test.yaml`, `.yml`, `.toml` in them.

    Raises:
        ConfigError: A path is not there.
    """
    found: list[Path] = []
    for name in paths:
        path = Path(name)
        if path.is_dir():
            found += sorted(file for file in path.rglob("*") if file.name.endswith(SUFFIXES))
        elif path.is_file():
            found.append(path)
        else:
            raise ConfigError(f"no test file {name!r}", file=name)
    return found


def read_file(path: Path) -> CaseFile:
    """The cases of a file.

    Raises:
        ConfigError: It can't be read, or says what no test can say.
    """
    tree = _tree(path)
    reader = _Reader(path)
    reader.known(tree, _FILE_KEYS, "a test file")
    if "cases" in tree:
        cases = tuple(reader.case(each, number) for number, each in enumerate(reader.sequence(tree, "cases"), 1))
        if "steps" in tree or "expect" in tree:
            raise reader.wrong("'cases' and 'steps' exclude each other")
    else:
        cases = (reader.case({key: value for key, value in tree.items() if key in _CASE_KEYS}, 1),)
    config = tree.get("config")
    return CaseFile(
        path=path,
        app=_app(path, tree, reader),
        cases=cases,
        variables={str(name): str(value) for name, value in dict(tree.get("variables") or {}).items()},
        config=path.parent / config if isinstance(config, str) else config,
    )


def _tree(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text("utf-8")
    except OSError as error:
        raise ConfigError(f"the tests {str(path)!r} cannot be read: {error.strerror}", file=str(path)) from error
    if path.suffix == ".toml":
        try:
            document: dict[str, Any] = tomllib.loads(text)
            return document
        except tomllib.TOMLDecodeError as error:
            raise ConfigError(f"{path}: {error}", file=str(path)) from error
    yaml = importlib.import_module("yaml")
    try:
        tree = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = path if mark is None else f"{path}:{mark.line + 1}"
        raise ConfigError(f"{place}: {getattr(error, 'problem', None) or error}", file=str(path)) from error
    if not isinstance(tree, dict):
        raise ConfigError(f"{path}: tests are a mapping with 'app' and 'cases'", file=str(path))
    return tree


def _app(path: Path, tree: Mapping[str, Any], reader: _Reader) -> Path | str:
    if "text" in tree:
        return str(tree["text"])
    if "app" in tree:
        return path.parent / str(tree["app"])
    stem = path.name[: -len(next((suffix for suffix in SUFFIXES if path.name.endswith(suffix)), path.suffix))]
    beside = [path.parent / f"{stem}{suffix}" for suffix in _APP_SUFFIXES]
    found = next((candidate for candidate in beside if candidate.is_file()), None)
    if found is None:
        raise reader.wrong(f"no 'app' and no 'text', and none of {', '.join(each.name for each in beside)} beside it")
    return found


class _Reader:
    """Reads one file; errors name it and the case."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.place = ""

    def wrong(self, message: str) -> ConfigError:
        place = f"{self.path}: {self.place}" if self.place else f"{self.path}: "
        return ConfigError(f"{place}{message}", file=str(self.path))

    def known(self, tree: Mapping[str, Any], keys: frozenset[str], what: str) -> None:
        unknown = [str(key) for key in tree if key not in keys]
        if unknown:
            raise self.wrong(f"{what} has no {unknown[0]!r}; it has: {', '.join(sorted(keys))}")

    def sequence(self, tree: Mapping[str, Any], key: str) -> list[Any]:
        value = tree.get(key, [])
        if not isinstance(value, list):
            raise self.wrong(f"{key!r} is a list")
        return value

    def case(self, tree: Any, number: int) -> Case:
        if not isinstance(tree, dict):
            raise self.wrong(f"case {number} is a mapping with 'steps' and 'expect'")
        name = str(tree.get("name", f"case {number}"))
        self.place = f"{name}: "
        self.known(tree, _CASE_KEYS, "a case")
        failures = tree.get("failures", [])
        case = Case(
            name=name,
            steps=tuple(self.step(each, index) for index, each in enumerate(self.sequence(tree, "steps"), 1)),
            expect=self.expectations(tree.get("expect") or {}),
            expired=self.expectations(tree.get("expired") or {}),
            failures=tuple(str(each) for each in ([failures] if isinstance(failures, str) else failures)),
        )
        self.place = ""
        return case

    def expectations(self, tree: Any) -> dict[str, Expectation]:
        if not isinstance(tree, dict):
            raise self.wrong("'expect' is a mapping of streams and queries to rows")
        return {str(name): self.expectation(value) for name, value in tree.items()}

    def expectation(self, value: Any) -> Expectation:
        if isinstance(value, list):
            return Expectation(rows=tuple(value))
        if not isinstance(value, dict):
            raise self.wrong(
                f"what is expected is a list of rows, or a mapping with {', '.join(sorted(_EXPECTATION_KEYS))}"
            )
        self.known(value, _EXPECTATION_KEYS, "an expectation")
        forms = [key for key in ("exact", "unordered", "contains", "count") if key in value]
        if len(forms) != 1:
            raise self.wrong("an expectation has one of exact, unordered, contains, count")
        tolerance = float(value.get("tolerance", 0.0))
        if forms[0] == "count":
            return Expectation(form="count", count=int(value["count"]))
        return Expectation(rows=tuple(self.sequence(value, forms[0])), form=forms[0], tolerance=tolerance)

    def step(self, tree: Any, number: int) -> Step:
        if tree == "persist":
            return Persist()
        if tree == "restart":
            return Restart()
        if not isinstance(tree, dict):
            raise self.wrong(f"step {number} is none of send, advance, query, persist, restart")
        if "send" in tree:
            return self.send(tree, number)
        if "advance" in tree:
            return self.advance(tree["advance"], number)
        if "query" in tree:
            self.known(tree, frozenset({"query", "expect"}), "a query step")
            expect = self.expectation(tree["expect"]) if "expect" in tree else None
            return Query(text=str(tree["query"]), expect=expect)
        if list(tree) in (["persist"], ["restart"]):
            return Persist() if "persist" in tree else Restart()
        raise self.wrong(f"step {number} is none of send, advance, query, persist, restart")

    def send(self, tree: dict[str, Any], number: int) -> Send:
        self.known(tree, frozenset({"send", "row", "rows", "at", "chunk"}), "a send step")
        if ("row" in tree) == ("rows" in tree):
            raise self.wrong(f"step {number} sends 'row' or 'rows'")
        rows = [tree["row"]] if "row" in tree else self.sequence(tree, "rows")
        if any(not isinstance(row, (list, dict)) for row in rows):
            raise self.wrong(f"step {number}: a row is a list of values or a mapping of attributes")
        at = self.moment(tree["at"], number) if "at" in tree else None
        return Send(stream=str(tree["send"]), rows=tuple(rows), at=at, is_chunk=bool(tree.get("chunk", False)))

    def advance(self, value: Any, number: int) -> Advance:
        if isinstance(value, dict) and list(value) == ["to"]:
            return Advance(to=self.moment(value["to"], number))
        if isinstance(value, (str, int)) and not isinstance(value, bool):
            try:
                return Advance(by=parse_duration(str(value)))
            except ValueError as error:
                raise self.wrong(f"step {number}: {error}") from error
        raise self.wrong(f"step {number} advances by a duration, or {{to: moment}}")

    def moment(self, value: Any, number: int) -> int:
        """Milliseconds since the epoch of a number or a time with a zone."""
        if isinstance(value, int) and not isinstance(value, bool):
            return value
        if isinstance(value, str):
            try:
                value = datetime.fromisoformat(value.replace("Z", "+00:00"))
            except ValueError as error:
                raise self.wrong(f"step {number}: {value!r} is no moment") from error
        if isinstance(value, datetime) and value.tzinfo is not None:
            return round(value.timestamp() * 1000)
        raise self.wrong(f"step {number}: a moment is milliseconds since the epoch, or a time with its zone")
