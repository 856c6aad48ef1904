"""Names near a wrong one, for "did you mean" and for lists that show the nearest first."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import SequenceMatcher

_SIMILAR = 0.6
_SHOWN = 8


def by_nearness(name: str, candidates: Iterable[str]) -> tuple[str, ...]:
    """All candidates, the most similar first; equal ones in alphabetical order."""
    wanted = _plain(name)
    return tuple(sorted(set(candidates), key=lambda candidate: (-_similarity(wanted, candidate), candidate)))


def nearest(name: str, candidates: Iterable[str]) -> str | None:
    """The candidate that was probably meant, if one is near enough."""
    ordered = by_nearness(name, candidates)
    if ordered and _similarity(_plain(name), ordered[0]) >= _SIMILAR:
        return ordered[0]
    return None


def suggestion(name: str, candidates: Iterable[str], what: str = "") -> str | None:
    """``did you mean 'price'?``, or the list of what there is if it is short; None when there is nothing to say."""
    known = tuple(candidates)
    best = nearest(name, known)
    parts = [] if best is None else [f"did you mean '{best}'?"]
    if known and len(set(known)) <= _SHOWN:
        listed = ", ".join(by_nearness(name, known))
        parts.append(f"{what} has: {listed}" if what else f"known: {listed}")
    return " ".join(parts) or None


def _plain(name: str) -> str:
    return name.lower().replace("_", "").replace("-", "")


def _similarity(wanted: str, candidate: str) -> float:
    return SequenceMatcher(None, wanted, _plain(candidate)).ratio()
