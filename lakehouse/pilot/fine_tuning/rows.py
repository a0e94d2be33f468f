"""The rows that `fine_tune` learns from and is scored on."""

from __future__ import annotations

import polars as pl
import polars_hash as plh

from lakehouse.core.errors import RecipeError
from lakehouse.pilot.evaluation import Data, check_columns
from lakehouse.pilot.models.learner import TRUTH, two_classes, with_classes


def checked(data: Data, input: str, label: str, max_rows: int) -> tuple[pl.DataFrame, dict[str, pl.DataFrame]]:
    """Train rows and sets with a label, as text in TRUTH; of the train rows at most `max_rows`, by the hash of their id.

    The same rows for every seed; a row that stays in the next version mostly stays among them.

    Raises:
        RecipeError: a column is missing or no text, a set has no labels, or the train rows have fewer than two classes.
    """
    check_columns("fine_tune", data, input, label)
    given, sets = with_classes(data.train, label), {of: with_classes(rows, label) for of, rows in data.sets.items()}
    for of, rows in sets.items():
        if rows.is_empty():
            raise RecipeError(f"fine_tune: no {of} row has a `{label}` to be scored on", fix="look at the splits and at the sets")
    if given.height > max_rows:
        hashed: pl.Expr = plh.concat_str("_row_id").chash.sha2_256()
        given = given.sort(hashed).head(max_rows).sort("_row_id")
    two_classes(given, label)
    return given, sets


def texts(rows: pl.DataFrame, input: str) -> list[str]:
    """The texts of the rows; a null is an empty text."""
    return rows[input].fill_null("").to_list()


def predictions(on: str, seed: int, rows: pl.DataFrame, predicted: list[str]) -> pl.DataFrame:
    """Predictions of the rows of a set as `Scores` has them."""
    return rows.select(
        pl.lit(on).alias("set"),
        pl.lit(seed, pl.Int64).alias("seed"),
        "_row_id",
        pl.col(TRUTH).alias("label"),
        pl.Series("predicted", predicted, dtype=pl.String),
    )
