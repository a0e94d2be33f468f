"""One version of a dataset against another on the frozen held-out set."""

from __future__ import annotations

import polars as pl

from lakehouse.core import versions
from lakehouse.core.errors import RecipeError
from lakehouse.core.project import Project
from lakehouse.core.runs.progress import Progress, silent
from lakehouse.core.versions import Version
from lakehouse.pilot.metrics import Comparison, compare
from lakehouse.pilot.pilot import pilot
from lakehouse.pilot.predictions import predictions_of, scored_as


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
        key, scoring = evaluated.evaluations[evaluation]["key"], scored_as(evaluated, evaluation)
        scored.append(predictions_of(project, key).filter(pl.col("set") == "held_out"))
    return compare(scored[0], scored[1], metric, margin, scoring=scoring)


def comparable(version: Version, evaluation: str, metric: str) -> None:
    """Refuse a metric by which an evaluated version cannot be compared with others.

    Raises:
        RecipeError: the evaluation does not measure it on the held-out set, or not row by row.
    """
    result = version.evaluations[evaluation]
    by_row = [name for name in result["metrics"].get("held_out", {}) if name not in result.get("own", ())]
    if metric not in by_row:
        what = f"versions of {version.dataset} cannot be compared by `{metric}` of {evaluation}"
        raise RecipeError(what, fix=f"metrics by row: {', '.join(by_row)}" if by_row else f"{evaluation} scores no rows: name another")
