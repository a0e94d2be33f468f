"""The texts of another dataset that a step learns from."""

from __future__ import annotations

import polars as pl

from lakehouse.core.errors import RecipeError


def texts(rows: pl.DataFrame, column: str, dataset: str) -> pl.Series:
    """The texts in `column` of the gold rows of `dataset`, by `_row_id`, without nulls.

    Raises:
        RecipeError: there is no such column, or it holds no text.
    """
    if rows.schema.get(column) != pl.String:
        own = [name for name, dtype in rows.schema.items() if dtype == pl.String and not name.startswith("_")]
        raise RecipeError(f"dataset {dataset} has no text column `{column}`", fix=f"its text columns: {', '.join(own) or 'none'}")
    return rows.sort("_row_id")[column].drop_nulls()
