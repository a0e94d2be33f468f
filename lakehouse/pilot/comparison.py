"""One version of a dataset against another on the frozen held-out set."""

from __future__ import annotations

import polars as pl

from lakehouse import versions
from lakehouse.pilot.metrics import Comparison, compare
from lakehouse.pilot.pilot import pilot, predictions_of, scored_as
from lakehouse.progress import Progress, silent
from lakehouse.project import Project
from lakehouse.versions import Version


def compare_versions(
    project: Project, new: Version, old: Version, evaluation: str, metric: str, margin: float, progress: Progress = silent
) -> Comparison:
    """The paired comparison of two versions by a metric; both are evaluated where they were not yet on what is held out now.

    Raises:
        FactoryError: what an evaluation raises.
        ValueError: a metric that is not scored row by row.
    """
    scored = []
    for version in (new, old):
        pilot(project, version.dataset, version.version, progress=progress)
        evaluated = versions.find(project, version.dataset, version.version)
        key, task = evaluated.evaluations[evaluation]["key"], scored_as(evaluated, evaluation)
        scored.append(predictions_of(project, key).filter(pl.col("set") == "held_out"))
    return compare(scored[0], scored[1], metric, margin, task=task)
