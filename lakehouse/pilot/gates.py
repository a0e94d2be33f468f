"""Gates: the conditions that a version must meet, each with its verdict and its numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import polars as pl

from lakehouse.core.spec import Gate
from lakehouse.pilot.metrics import compare, holm, mcnemar, summary
from lakehouse.pilot.selftest import SelfTest


@dataclass(frozen=True)
class Verdict:
    """The outcome of one gate.

    Attributes:
        gate: the gate in words.
        verdict: `met`, `missed`, `better`, `equal`, `worse`, `inconclusive`, `first` where nothing was released before, or
            `untrusted` where the metric failed its self-test.
        passed: a comparison passes when the interval excludes a loss of more than the margin.
        p: of no difference to the release; None where nothing was compared.
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
    p: float | None = None

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


def against_release(
    gate: Gate, on: str, new: pl.DataFrame, old: pl.DataFrame | None, label: str | None, task: str = "classification"
) -> Verdict:
    """The verdict of a gate against the released version `label`, whose predictions of the same task on the same rows are `old`."""
    words = gate.in_words(on)
    if old is None or label is None:
        return Verdict(words, gate.metric, on, None, None, None, None, None, "first", True, "nothing was released before")
    known = summary(new, task)
    if gate.metric not in known or gate.metric not in summary(old, task):
        return Verdict(words, gate.metric, on, None, None, label, None, None, "missed", False, f"not measured; known: {', '.join(known)}")
    found = compare(new, old, gate.metric, gate.margin, task=task)
    passed = found.gain[0] >= -gate.margin
    reason = (
        f"{found.new:.4f} against {found.old:.4f} ({label}): {found.difference:+.4f}, 95 % interval {found.low:+.4f} to {found.high:+.4f}"
    )
    p = found.p
    if (task, gate.metric) == ("classification", "accuracy"):
        p = mcnemar(*(rows.filter(pl.col("seed") == rows["seed"].min()) for rows in (new, old)))
    return Verdict(words, gate.metric, on, found.new, found.old, label, found.low, found.high, found.verdict, passed, reason, p)


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
