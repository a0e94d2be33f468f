"""Gates: the conditions that a version must meet, each with its verdict and its numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import polars as pl

from lakehouse.core.spec import Gate
from lakehouse.pilot.baseline import answered, named
from lakehouse.pilot.metrics import Comparison, compare, holm, mcnemar, summary
from lakehouse.pilot.scoring.classification import CLASSIFICATION
from lakehouse.pilot.scoring.scoring import Scoring
from lakehouse.pilot.selftest import SelfTest
from lakehouse.production.split_leaks import SplitLeaks


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """The outcome of one gate.

    Attributes:
        gate: the gate in words.
        verdict: `met`, `missed`, `better`, `equal`, `worse`, `inconclusive`, `first` where nothing was released before, or
            `untrusted` where the metric failed its self-test.
        passed: a comparison passes when the interval excludes a loss of more than the margin; that with the baseline, when it excludes
            a gain of the margin or less.
        p: of no difference to the release; None where nothing was compared with one.
    """

    gate: str
    metric: str
    on: str
    value: float | None = None
    threshold: float | None = None
    versus: str | None = None
    low: float | None = None
    high: float | None = None
    verdict: str
    passed: bool
    reason: str
    p: float | None = None

    def as_json(self) -> dict[str, Any]:
        """The verdict as plain data."""
        return asdict(self)


def absolute(gate: Gate, on: str, metrics: Mapping[str, Mapping[str, Any]]) -> Verdict:
    """The verdict of a gate with a bound, on the mean over seeds."""
    known = metrics.get(on, {})
    if gate.metric not in known:
        return _verdict(gate, on, verdict="missed", passed=False, reason=f"not measured; known: {', '.join(known)}")
    value = float(known[gate.metric]["mean"])
    bound = gate.at_least if gate.at_least is not None else gate.at_most
    passed = (gate.at_least is None or value >= gate.at_least) and (gate.at_most is None or value <= gate.at_most)
    verdict = _verdict(gate, on, verdict="met" if passed else "missed", passed=passed, reason=f"{value:.4f} against {bound:g}")
    return replace(verdict, value=value, threshold=bound)


def of_splits(gate: Gate, leaks: SplitLeaks) -> Verdict:
    """The verdict of a gate on what more than one split holds, with what was found in words."""
    if gate.metric not in leaks.metrics:
        reason = "near-equal texts were not looked for: the recipe looks for them itself, or there are too many rows, or no text"
        return _verdict(gate, "", verdict="missed", passed=False, reason=reason)
    verdict = absolute(gate, "", {"": {name: {"mean": count} for name, count in leaks.metrics.items()}})
    found = "; ".join([*leaks.in_words(), *leaks.remarks()])
    return replace(verdict, reason=f"{verdict.value:,.0f} found" + (f": {found}" if found else ""))


def against_release(
    gate: Gate, on: str, new: pl.DataFrame, old: pl.DataFrame | None, label: str | None, scoring: Scoring = CLASSIFICATION
) -> Verdict:
    """The verdict of a gate against the released version `label`, whose predictions, scored alike, on the same rows are `old`."""
    if old is None or label is None:
        return _verdict(gate, on, verdict="first", passed=True, reason="nothing was released before")
    found = _compared(gate, on, new, old, label, scoring)
    if isinstance(found, Verdict):
        return found
    p = found.p
    if scoring is CLASSIFICATION and gate.metric == "accuracy":
        p = mcnemar(*(rows.filter(pl.col("seed") == rows["seed"].min()) for rows in (new, old)))
    return replace(_of(found, gate, on, label, label, passed=found.gain[0] >= -gate.margin), p=p)


def against_baseline(gate: Gate, on: str, rows: pl.DataFrame, answer: str | None, scoring: Scoring = CLASSIFICATION) -> Verdict:
    """The verdict of a gate against one constant `answer` to all rows, which the train rows suggest."""
    if answer is None or rows.is_empty():
        reason = "no train row has a label" if answer is None else "no row was scored"
        return _verdict(gate, on, verdict="missed", passed=False, reason=reason)
    found = _compared(gate, on, rows, answered(rows, answer, scoring), "baseline", scoring)
    if isinstance(found, Verdict):
        return found
    return _of(found, gate, on, "baseline", f"always `{answer}`", passed=found.gain[0] > gate.margin)


def with_absent(verdict: Verdict, missing: Sequence[str]) -> Verdict:
    """The verdict of a gate on a set that has no row of the classes `missing`, which train rows have.

    A macro metric speaks for all classes: without rows of one it is `inconclusive` and does not pass.
    """
    if not missing:
        return verdict
    lacks = f"no {verdict.on} row is of {named(missing)}"
    if not verdict.metric.startswith("macro_"):
        return replace(verdict, reason=f"{verdict.reason}; {lacks}")
    fix = f"give the test split a larger share, or declare `held_out` with rows of {'it' if len(missing) == 1 else 'them'}"
    return replace(verdict, verdict="inconclusive", passed=False, reason=f"{lacks}, so that {verdict.metric} says nothing of it; {fix}")


def _compared(gate: Gate, on: str, new: pl.DataFrame, old: pl.DataFrame, versus: str, scoring: Scoring) -> Comparison | Verdict:
    """The comparison by the metric of a gate, or the verdict where the metric is not measured row by row."""
    known = summary(new, scoring)
    if gate.metric not in known or gate.metric not in summary(old, scoring):
        reason = f"not measured; known: {', '.join(known)}"
        return replace(_verdict(gate, on, verdict="missed", passed=False, reason=reason), versus=versus)
    return compare(new, old, gate.metric, gate.margin, scoring=scoring)


def _of(found: Comparison, gate: Gate, on: str, versus: str, words: str, *, passed: bool) -> Verdict:
    """The verdict of a comparison with its numbers."""
    reason = (
        f"{found.new:.4f} against {found.old:.4f} ({words}): {found.difference:+.4f}, 95 % interval {found.low:+.4f} to {found.high:+.4f}"
    )
    verdict = _verdict(gate, on, verdict=found.verdict, passed=passed, reason=reason)
    return replace(verdict, value=found.new, threshold=found.old, versus=versus, low=found.low, high=found.high)


def _verdict(gate: Gate, on: str, *, verdict: str, passed: bool, reason: str) -> Verdict:
    """A verdict without numbers."""
    return Verdict(gate=gate.in_words(on), metric=gate.metric, on=on, verdict=verdict, passed=passed, reason=reason)


def with_p(verdicts: Sequence[Verdict]) -> list[Verdict]:
    """The verdicts, those against the release with p and Holm's adjusted p over all of them in their reasons.

    The pass rule stays the interval of each metric: a gate asks whether a loss beyond the margin is excluded, which p does not say.
    """
    compared = [i for i, v in enumerate(verdicts) if v.p is not None]
    out = list(verdicts)
    for i, adjusted in zip(compared, holm([v.p for v in verdicts if v.p is not None]), strict=True):
        out[i] = replace(out[i], reason=f"{out[i].reason}, p {out[i].p:.4f}, adjusted {adjusted:.4f} (Holm, {len(compared)})")
    return out


def trusted(verdict: Verdict, outcomes: Sequence[SelfTest] | None) -> Verdict:
    """The verdict under the metric's self-test, if there was one: `untrusted` and not passed where a control failed."""
    failed = [t for t in outcomes or () if not t.passed]
    if not failed:
        return verdict
    return replace(verdict, verdict="untrusted", passed=False, reason="self-test failed: " + "; ".join(t.in_words() for t in failed))
