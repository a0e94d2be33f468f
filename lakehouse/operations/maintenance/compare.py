"""Versions side by side: rows, balance, signals, scores with paired intervals, findings, slices, grade, and what changed in the plan."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any

import polars as pl
from polars import selectors as cs

from lakehouse.core import versions
from lakehouse.core.project import Project
from lakehouse.core.text.numbers import counted
from lakehouse.core.versions import Version
from lakehouse.operations.history.diff import diff
from lakehouse.operations.history.rows_of_versions import as_of, collect
from lakehouse.pilot.diagnose import findings_of
from lakehouse.pilot.diagnosis.kinds import KINDS
from lakehouse.pilot.metrics import compare as paired
from lakehouse.pilot.predictions import predictions_of, scored_as
from lakehouse.pilot.scoring.scoring import Scoring


@dataclass(frozen=True, kw_only=True)
class Side:
    """One version of the comparison.

    Attributes:
        rows: by split.
        balance: rows that each step let through, by step.
        signals: median and 95th percentile of each stored signal over the version's rows; empty where none is stored.
        findings: by kind; None where the version was not diagnosed, of a kind where that was not looked for.
        slices: error rate of each slice found, by its conditions; where labels are numbers or tags, the mean error of its rows.
    """

    version: str
    label: str
    rows: Mapping[str, int]
    balance: Mapping[str, int]
    signals: Mapping[str, tuple[float, float]]
    findings: Mapping[str, int | None] | None
    slices: Mapping[str, float]
    grade: str | None
    became: str


@dataclass(frozen=True)
class VersionDifference:
    """From the version before it in the comparison to `to`: rows by kind of change and why, and the plan in sentences."""

    a: str
    to: str
    rows: Mapping[str, int]
    because: Mapping[str, int]
    plan: tuple[str, ...]


@dataclass(frozen=True)
class ComparedMetric:
    """A metric of all versions, in their order; of each but the first the difference to the first.

    Attributes:
        values: None where a version has no such score.
        differences: value, low, high (95 %, paired bootstrap over the rows), verdict; None where the two were not scored on the same rows,
            or the metric is not one of rows.
    """

    evaluation: str
    on: str
    metric: str
    values: tuple[float | None, ...]
    differences: tuple[Mapping[str, Any] | None, ...]


@dataclass(frozen=True, kw_only=True)
class VersionComparison:
    """Versions of a dataset side by side, in the order in which they were asked for."""

    dataset: str
    sides: tuple[Side, ...]
    changes: tuple[VersionDifference, ...]
    scores: tuple[ComparedMetric, ...]
    appeared: tuple[tuple[str, str], ...]
    gone: tuple[tuple[str, str], ...]


def compare(project: Project, dataset: str, references: Sequence[str], margin: float = 0.01) -> VersionComparison:
    """Put versions side by side; nothing is made or evaluated for it.

    Args:
        references: two or more, as `versions.find` takes them.
        margin: within it, two scores are `equal`.

    Raises:
        NotFoundError: no such dataset or version.
        StorageError: files of a version that has its rows are gone.
    """
    found = [versions.find(project, dataset, reference) for reference in references]
    sides = tuple(_side(project, version) for version in found)
    pairs = list(pairwise(found))
    both = list(pairwise(sides))
    # Only between versions that were both diagnosed does a slice come or go.
    known = [(a, b) for a, b in both if a.findings is not None and b.findings is not None]
    return VersionComparison(
        dataset=dataset,
        sides=sides,
        changes=tuple(_change(project, a, b) for a, b in pairs),
        scores=tuple(_scores(project, found, margin)),
        appeared=tuple((b.label, name) for a, b in known for name in b.slices if name not in a.slices),
        gone=tuple((b.label, name) for a, b in known for name in a.slices if name not in b.slices),
    )


def _side(project: Project, version: Version) -> Side:
    findings, slices = _findings(project, version)
    became = "retired" if version.retired else "released" if version.released_at else ""
    if version.erased:
        became = ", ".join([*([became] if became else []), f"{counted(version.erased['rows'], 'row')} erased"])
    steps = {str(step["step"]): int(step["out"]) for step in version.manifest["balance"]}
    signals = _signals(project, version)
    return Side(
        version=version.version,
        label=version.label,
        rows=version.held_rows,
        balance=steps,
        signals=signals,
        findings=findings,
        slices=slices,
        grade=version.grade,
        became=became,
    )


def _signals(project: Project, version: Version) -> dict[str, tuple[float, float]]:
    table = project.table("silver", f"{version.dataset}_signals")
    at = as_of(table, datetime.fromisoformat(version.manifest["made_at"])) if table.exists() else None
    if at is None:
        return {}
    gold = versions.index(project, version).select("_row_id")
    rows = collect(table.scan(at).join(gold, on="_row_id", how="semi"), f"the signals of version {version.label} of {version.dataset}")
    numbers = rows.select(cs.numeric() - cs.starts_with("_"))
    out = {}
    for name in numbers.columns:
        known = numbers[name].drop_nulls().cast(pl.Float64)
        if known.len():
            out[name] = (float(known.quantile(0.5, "linear") or 0.0), float(known.quantile(0.95, "linear") or 0.0))
    return out


def _findings(project: Project, version: Version) -> tuple[dict[str, int | None] | None, dict[str, float]]:
    diagnosed = findings_of(project, version)
    if diagnosed is None:
        return None, {}
    rows, summary = diagnosed
    slice_evidence = [json.loads(e) for e in rows.filter(pl.col("kind") == "slice")["evidence"]]
    counts = dict(rows.group_by("kind").len().iter_rows())
    # Contradictions are looked for only in the current version.
    unseen = () if summary.get("contradictions") else ("contradiction",)
    slices = {each["slice"]: float(each["rate"] if "rate" in each else each["error"]) for each in slice_evidence}
    return {kind: None if kind in unseen else counts.get(kind, 0) for kind in KINDS}, slices


def _change(project: Project, a: Version, b: Version) -> VersionDifference:
    found = diff(project, a.dataset, a.version, b.version)
    rows = {name: int(getattr(found, name)) for name in ("added", "removed", "changed", "moved", "same")}
    because = {f"removed, {why}": n for why, n in found.removed_because.items()} | {
        f"added, {why}": n for why, n in found.added_because.items()
    }
    return VersionDifference(a.label, b.label, rows, because, found.plan)


def _scores(project: Project, found: Sequence[Version], margin: float) -> list[ComparedMetric]:
    out = []
    for evaluation in dict.fromkeys(name for version in found for name in version.evaluations):
        have = [version.evaluations.get(evaluation, {}) for version in found]
        scorings = {of.name: of for version in found if evaluation in version.evaluations for of in (scored_as(version, evaluation),)}
        scoring = next(iter(scorings.values()))
        headline = scoring.headline if len(scorings) == 1 else ()
        frames = [_predictions(project, result) for result in have]
        for on in dict.fromkeys(s for result in have for s in result.get("metrics", {}) if s != "resources"):
            for metric in headline:
                values = tuple(_mean(result, on, metric) for result in have)
                if any(value is not None for value in values):
                    against = tuple(_difference(frames[0], frame, on, metric, margin, scoring) for frame in frames[1:])
                    out.append(ComparedMetric(evaluation, on, metric, values, against))
    return out


def _predictions(project: Project, result: Mapping[str, Any]) -> pl.DataFrame | None:
    if "key" not in result:
        return None
    rows = predictions_of(project, str(result["key"]))
    return rows if rows.height else None


def _mean(result: Mapping[str, Any], on: str, metric: str) -> float | None:
    value = result.get("metrics", {}).get(on, {}).get(metric)
    return None if value is None else float(value["mean"] if isinstance(value, Mapping) else value)


def _difference(
    old: pl.DataFrame | None, new: pl.DataFrame | None, on: str, metric: str, margin: float, scoring: Scoring
) -> dict[str, Any] | None:
    if old is None or new is None:
        return None
    a, b = (rows.filter(pl.col("set") == on) for rows in (old, new))
    if a.is_empty() or set(a["_row_id"]) != set(b["_row_id"]) or metric not in scoring.metrics(sorted(scoring.kinds(a))):
        return None
    made = paired(b, a, metric, margin, scoring=scoring)
    return {"value": made.difference, "low": made.low, "high": made.high, "verdict": made.verdict}
