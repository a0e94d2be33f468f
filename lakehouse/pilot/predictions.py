"""The stored predictions of every evaluation of every version: what comparisons are made from."""

from __future__ import annotations

import polars as pl

from lakehouse.core.lake.table import Table
from lakehouse.core.project import Project
from lakehouse.core.versions import Version
from lakehouse.pilot.scoring.classification import CLASSIFICATION
from lakehouse.pilot.scoring.scoring import Scoring
from lakehouse.pilot.task import scorings

PREDICTIONS = pl.Schema(
    [
        ("dataset", pl.String),
        ("version", pl.String),
        ("key", pl.String),
        ("set", pl.String),
        ("seed", pl.Int64),
        ("_row_id", pl.String),
        ("label", pl.String),
        ("predicted", pl.String),
    ]
)


def predictions_table(project: Project) -> Table:
    """Predictions of every evaluation of every version: what comparisons are made from."""
    return project.table("system", "predictions")


def store_predictions(project: Project, version: Version, key: str, predictions: pl.DataFrame) -> None:
    """Append the predictions of one evaluation, unless they stand already: a killed run may have left them.

    Args:
        key: identity of the evaluation.
        predictions: as `Scores.predictions`.
    """
    table = predictions_table(project)
    rows = predictions.with_columns(dataset=pl.lit(version.dataset), version=pl.lit(version.version), key=pl.lit(key))
    if rows.is_empty() or (table.exists() and not table.scan().filter(pl.col("key") == key).head(1).collect().is_empty()):
        return
    table.write(rows.select(PREDICTIONS.names()), "append")


def predictions_of(project: Project, key: str) -> pl.DataFrame:
    """The stored predictions of one evaluation (PREDICTIONS), each row and seed once."""
    table = predictions_table(project)
    if not table.exists():
        return pl.DataFrame(schema=PREDICTIONS)
    rows = table.scan().filter(pl.col("key") == key).collect()
    return rows.unique(["set", "seed", "_row_id"], keep="first", maintain_order=True)


def scored_as(version: Version, evaluation: str) -> Scoring:
    """The scoring of the predictions of an evaluation; results that name none are of classes."""
    return scorings()[str(version.evaluations[evaluation].get("task", CLASSIFICATION.name))]
