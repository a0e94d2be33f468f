"""What work took: one row each in `system/work`, from which the next work is estimated. Work that found nothing to do is not recorded."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal

import polars as pl

from lakehouse.core.project import Project

Stage = Literal["collect", "silver", "gold", "pilot"]
SCHEMA = pl.Schema(
    {
        "stage": pl.String(),
        "name": pl.String(),  # of the source, or of the dataset
        "at": pl.Datetime("us", "UTC"),  # when it ended
        "rows": pl.Int64(),  # read, measured, written or evaluated
        "seconds": pl.Float64(),  # wall time
    }
)


def record(project: Project, stage: Stage, name: str, rows: int, seconds: float) -> None:
    """Append one piece of work."""
    row = {"stage": stage, "name": name, "at": datetime.now(UTC), "rows": rows, "seconds": seconds}
    project.table("system", "work").write(pl.DataFrame([row], schema=SCHEMA), "append")


def spent(project: Project) -> pl.DataFrame:
    """All work, oldest first (SCHEMA)."""
    table = project.table("system", "work")
    return table.read().select(SCHEMA.names()).sort("at") if table.exists() else pl.DataFrame(schema=SCHEMA)
