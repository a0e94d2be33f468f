"""Timings of work: one row each in `system/work`, from which the next work is estimated. Work that found nothing to do is not recorded."""

from __future__ import annotations

from typing import Literal

import polars as pl

from lakehouse.core.journal import Journal
from lakehouse.core.project import Project

Stage = Literal["collect", "silver", "gold", "pilot"]
JOURNAL = Journal(
    "work",
    pl.Schema(
        {
            "stage": pl.String(),
            "name": pl.String(),  # of the source, or of the dataset
            "rows": pl.Int64(),  # read, measured, written or evaluated
            "seconds": pl.Float64(),  # wall time
        }
    ),
)


def record(project: Project, stage: Stage, name: str, rows: int, seconds: float) -> None:
    """Append one piece of work."""
    JOURNAL.append(project, stage=stage, name=name, rows=rows, seconds=seconds)


def spent(project: Project) -> pl.DataFrame:
    """All work, oldest first."""
    return JOURNAL.read(project)
