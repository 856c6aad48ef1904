"""What the tests gave: lines, and JUnit's XML."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from xml.etree import ElementTree

from eventflux_cli.app_tests.runner import Outcome
from eventflux_cli.terminal import styled


def lines_of(path: Path, outcomes: Sequence[Outcome], *, is_rich: bool) -> list[str]:
    """A line a case; under a failed one what differs."""
    lines: list[str] = []
    for outcome in outcomes:
        mark = styled("PASS", "green", is_rich=is_rich) if outcome.passed else styled("FAIL", "red", is_rich=is_rich)
        lines.append(f"{mark} {path} :: {outcome.case.name} ({outcome.seconds:.2f} s)")
        for problem in outcome.problems:
            lines += [f"    {_coloured(line, is_rich=is_rich)}" for line in problem]
    return lines


def _coloured(line: str, *, is_rich: bool) -> str:
    style = {"-": "red", "+": "green"}.get(line.lstrip()[:1])
    return line if style is None else styled(line, style, is_rich=is_rich)


def write_junit(path: Path, results: Mapping[Path, Sequence[Outcome]]) -> None:
    """All results in the form that build servers read."""
    root = ElementTree.Element("testsuites")
    for file, outcomes in results.items():
        suite = ElementTree.SubElement(
            root,
            "testsuite",
            name=str(file),
            tests=str(len(outcomes)),
            failures=str(sum(not outcome.passed for outcome in outcomes)),
            time=f"{sum(outcome.seconds for outcome in outcomes):.3f}",
        )
        for outcome in outcomes:
            case = ElementTree.SubElement(
                suite, "testcase", classname=str(file), name=outcome.case.name, time=f"{outcome.seconds:.3f}"
            )
            for problem in outcome.problems:
                failure = ElementTree.SubElement(case, "failure", message=problem[0])
                failure.text = "\n".join(problem)
    ElementTree.ElementTree(root).write(path, encoding="utf-8", xml_declaration=True)
