"""New values for single rows, as decided."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from lakehouse.core.errors import RecipeError
from lakehouse.core.labels import decisions
from lakehouse.production.engine.operator import OPERATORS, Change


@OPERATORS.register(version=1, cardinality="1:1", files=("file",))
def correct_rows(*, file: str) -> Change:
    """Give single rows the values that were decided for them, such as another label.

    `file` is JSON lines `{"row": ID, "content": DIGEST, "set": {"label": "positive"}}`, as `lakehouse repair run` and
    `lakehouse repair tickets decide` write them. A decision holds for the row's content: once the content changes it no longer
    applies. Lines that drop a row are those of `drop_rows`. A dataset that declares `repair` has both steps at the end of its recipe
    without naming them.

    Example:
        `{correct_rows: {file: repairs/reviews.jsonl}}`
    """
    decided = decisions.read(Path(file))
    changed = {}
    for column in decisions.columns(decided):
        new = {each.content: each.set[column] for each in decided if each.set and column in each.set}
        kinds = {type(value).__name__ for value in new.values() if value is not None}
        if len(kinds) > 1:
            raise RecipeError(
                f"new values of `{column}` are of several types: {', '.join(sorted(kinds))}", where=file, fix="write all alike"
            )
        values = pl.Series(list(new.values()))
        chosen = decisions.KEY.is_in(pl.Series(list(new)).implode())
        found = decisions.KEY.replace_strict(pl.Series(list(new)), values, default=None, return_dtype=values.dtype)
        changed[column] = pl.when(chosen).then(found).otherwise(pl.col(column))
    return Change(changed)
