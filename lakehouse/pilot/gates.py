"""Gates: the conditions that a version must meet, each with its verdict and its numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import polars as pl

from lakehouse.pilot.metrics import compare, summary
from lakehouse.spec import Gate


@dataclass(frozen=True)
class Verdict:
    """The outcome of one gate.

    Attributes:
        gate: the gate in words.
        verdict: `met`, `missed`, `better`, `equal`, `worse`, `inconclusive`, or `first` where nothing was released before.
        passed: a comparison passes when the interval excludes a loss of more than the margin.
    """

    gate: str
    metric: str
    on: str
    value: float | None
    threshold: float | None
    versus: str | None
    low: float | None
    high: float | None
    verdict: str
    passed: bool
    reason: str

    def as_json(self) -> dict[str, Any]:
        """The verdict as plain data."""
        return asdict(self)


def absolute(gate: Gate, on: str, metrics: Mapping[str, Mapping[str, Any]]) -> Verdict:
    """The verdict of a gate with a bound, on the mean over seeds."""
    words = gate.in_words(on)
    known = metrics.get(on, {})
    if gate.metric not in known:
        return Verdict(words, gate.metric, on, None, None, None, None, None, "missed", False, f"not measured; known: {', '.join(known)}")
    value = float(known[gate.metric]["mean"])
    bound = gate.at_least if gate.at_least is not None else gate.at_most
    passed = (gate.at_least is None or value >= gate.at_least) and (gate.at_most is None or value <= gate.at_most)
    return Verdict(
        words, gate.metric, on, value, bound, None, None, None, "met" if passed else "missed", passed, f"{value:.4f} against {bound:g}"
    )


def against_release(gate: Gate, on: str, new: pl.DataFrame, old: pl.DataFrame | None, label: str | None) -> Verdict:
    """The verdict of a gate against the released version `label`, whose predictions on the same rows are `old`."""
    words = gate.in_words(on)
    if old is None or label is None:
        return Verdict(words, gate.metric, on, None, None, None, None, None, "first", True, "nothing was released before")
    known = summary(new)
    if gate.metric not in known or gate.metric not in summary(old):
        return Verdict(words, gate.metric, on, None, None, label, None, None, "missed", False, f"not measured; known: {', '.join(known)}")
    found = compare(new, old, gate.metric, gate.margin)
    passed = found.low >= -gate.margin
    reason = (
        f"{found.new:.4f} against {found.old:.4f} ({label}): {found.difference:+.4f}, 95 % interval {found.low:+.4f} to {found.high:+.4f}"
    )
    return Verdict(words, gate.metric, on, found.new, found.old, label, found.low, found.high, found.verdict, passed, reason)
