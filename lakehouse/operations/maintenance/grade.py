"""The grade of a version, A to D, from its indicators and a table of bounds; the event `graded` in the register."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from lakehouse.core import versions
from lakehouse.core.project import Project
from lakehouse.core.runs.lock import locked
from lakehouse.core.runs.progress import Progress, silent
from lakehouse.core.versions import GRADES, Grade, Version
from lakehouse.operations.maintenance.evidence import Evidence, gather
from lakehouse.operations.maintenance.grade_tracking import track_grade
from lakehouse.operations.maintenance.indicators import Indicator, measure

RULE = "grade/1"

BOUNDS: dict[str, tuple[float, float, float]] = {
    "completeness": (0.99, 0.95, 0.90),
    "consistency": (0.98, 0.95, 0.90),
    "accuracy": (0.95, 0.90, 0.80),
    "uniqueness": (0.99, 0.95, 0.90),
    "identifiability": (0.99, 0.98, 0.95),
    "traceability": (0.99, 0.98, 0.95),
    "balance": (0.90, 0.75, 0.50),
    "diversity": (0.50, 0.35, 0.20),
    "currency": (0.99, 0.90, 0.50),
    "relevance": (0.80, 0.65, 0.50),
    "effectiveness": (0.60, 0.40, 0.20),
}
"""Bounds of the lower limit of an indicator's interval for A, B and C; below the last it is D."""

ESSENTIAL = frozenset({"completeness", "consistency", "accuracy", "uniqueness", "identifiability", "traceability"})
"""A fault in one of these is made good by no other; of the rest, the median counts."""


@dataclass(frozen=True)
class GradedIndicator:
    """An indicator and its own grade; None where it was not measured."""

    indicator: Indicator
    grade: Grade | None
    essential: bool


@dataclass(frozen=True, kw_only=True)
class VersionGrade:
    """The grade of a version.

    Attributes:
        because: the reasons, a sentence each.
        screen: by kind of finding what `release.screen` bounds; None where no diagnosis of the version measured it.
        unchanged: the register holds this grade from these numbers already; nothing was written.
    """

    dataset: str
    version: str
    label: str
    grade: Grade
    marked: tuple[GradedIndicator, ...]
    because: tuple[str, ...]
    screen: dict[str, float | None]
    rule: str
    at: datetime
    unchanged: bool

    def as_json(self) -> dict[str, Any]:
        """The register's entry: grade, rule, reasons, screening, indicators."""
        return {
            "grade": self.grade,
            "rule": self.rule,
            "because": list(self.because),
            "screen": self.screen,
            "indicators": [{**m.indicator.as_json(), "grade": m.grade, "essential": m.essential} for m in self.marked],
        }


def grade(project: Project, dataset: str, reference: str = "latest", *, progress: Progress = silent) -> VersionGrade:
    """Measure the indicators of a version, grade it, and record the grade where it differs from the recorded one.

    Raises:
        NotFoundError: no such dataset or version.
        StorageError: the version's rows were cleaned up.
        LockedError: another run holds the dataset.
    """
    with locked(project, f"dataset {dataset}"):
        version = versions.find(project, dataset, reference)
        progress(f"grading {dataset} {version.label}", 0, None)
        found = assess(project, version)
        if not found.unchanged:
            versions.record(project, dataset, version.version, "graded", found.as_json())
            version = versions.find(project, dataset, version.version)
        if problem := track_grade(project, version):
            progress(problem, 0, None)
        return found


def assess(project: Project, version: Version, at: datetime | None = None) -> VersionGrade:
    """The grade that a version has by what the lake holds now; nothing is recorded."""
    evidence = gather(project, version, at)
    letter, marked, because = judge(measure(evidence))
    made = VersionGrade(
        dataset=version.dataset,
        version=version.version,
        label=version.label,
        grade=letter,
        marked=marked,
        because=because,
        screen=_screen(evidence),
        rule=RULE,
        at=evidence.at,
        unchanged=False,
    )
    known = version.graded
    same = known is not None and {k: known[k] for k in made.as_json()} == made.as_json()
    return replace(made, unchanged=same)


def judge(indicators: Sequence[Indicator]) -> tuple[Grade, tuple[GradedIndicator, ...], tuple[str, ...]]:
    """The grade of indicators, each with its own, and what decided it.

    The worst of the essential ones, or the median of the others (the worse of the two in the middle), whichever is worse. What was not
    measured is never counted as good: an essential indicator caps the grade at C, any other at B.
    """
    marked = tuple(GradedIndicator(each, letter_of(each), each.name in ESSENTIAL) for each in indicators)
    essential = [m for m in marked if m.essential and m.grade]
    others = sorted((m.grade for m in marked if not m.essential and m.grade), key=GRADES.index)
    worst: Grade = max((m.grade for m in essential if m.grade), key=GRADES.index, default="A")
    middle: Grade = others[len(others) // 2] if others else "A"
    missing = {m.essential: [o.indicator.name for o in marked if o.grade is None and o.essential == m.essential] for m in marked}
    cap: Grade = "C" if missing.get(True) else "B" if missing.get(False) else "A"
    candidates: tuple[Grade, ...] = (worst, middle, cap)
    letter = max(candidates, key=GRADES.index)
    because = []
    if worst == letter and letter != "A":
        because.append(f"worst essential: {', '.join(m.indicator.name for m in essential if m.grade == worst)} {worst}")
    if middle == letter and letter != "A":
        because.append(f"median of the others is {middle}")
    if cap == letter and letter != "A":
        names = missing[True] if cap == "C" else missing[False]
        because.append(f"not measured, so at most {cap}: {', '.join(names)}")
    return letter, marked, tuple(because) or ("every essential indicator and the median of the others is A",)


def letter_of(indicator: Indicator) -> Grade | None:
    """An indicator's own grade, by the lower limit of its interval; None where it was not measured."""
    if indicator.low is None:
        return None
    bounds = BOUNDS[indicator.name]
    return next((letter for letter, bound in zip(GRADES, bounds, strict=False) if indicator.low >= bound), "D")


def _screen(evidence: Evidence) -> dict[str, float | None]:
    """Shares of the rows that findings name, and the error rate of the worst slice: where poisoned rows would show, among honest faults."""
    rows = max(evidence.rows.height, 1)
    screen: dict[str, float | None] = {"contradiction": None, "label_error": None, "slice": None, "report": evidence.reported / rows}
    if evidence.findings is None:
        return screen
    kinds = {str(kind): found for (kind,), found in evidence.findings.group_by("kind")}
    for kind in ("contradiction", "label_error") if evidence.contradictions else ("label_error",):
        screen[kind] = kinds[kind]["_row_id"].n_unique() / rows if kind in kinds else 0.0
    evidences = [json.loads(e) for e in kinds["slice"]["evidence"]] if "slice" in kinds else []
    # Slices of numbers have an error in units of the label, which no share bounds.
    screen["slice"] = max((float(e["rate"]) for e in evidences), default=0.0) if all("rate" in e for e in evidences) else None
    return screen
