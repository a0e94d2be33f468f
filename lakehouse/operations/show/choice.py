"""Which rows of a table are shown: an SQL condition, the first of them or a sample."""

from __future__ import annotations

import random
from dataclasses import dataclass

import polars as pl

from lakehouse.core.errors import SpecError


@dataclass(frozen=True, kw_only=True)
class Choice:
    """What somebody wants to see of a table.

    Attributes:
        columns: in this order; all of the table's own without it.
        where: an SQL condition.
        limit: at most so many rows; None for all.
        seed: a sample by this seed in place of the first rows.
    """

    columns: tuple[str, ...] | None = None
    where: str | None = None
    limit: int | None = 10
    seed: int | None = None

    def of(self, rows: pl.LazyFrame) -> pl.LazyFrame:
        """The chosen rows of `rows`, in their order.

        Raises:
            SpecError: the condition does not hold for these columns.
        """
        rows = self.meeting(rows)
        if self.seed is None:
            return rows if self.limit is None else rows.head(self.limit)
        at = pl.Series(self.places(rows, self.limit), dtype=pl.UInt32)
        return rows.with_row_index("_at").filter(pl.col("_at").is_in(at.implode())).drop("_at")

    def meeting(self, rows: pl.LazyFrame) -> pl.LazyFrame:
        """The rows that meet the condition."""
        return rows if self.where is None else rows.filter(condition(self.where, rows.collect_schema()))

    def places(self, rows: pl.LazyFrame, most: int | None) -> list[int]:
        """Numbers of `most` of the rows in the order of a shuffle by the seed: the same for the same rows."""
        total = int(rows.select(pl.len()).collect().item())
        return random.Random(self.seed).sample(range(total), total if most is None else min(most, total))


def condition(sql: str, schema: pl.Schema) -> pl.Expr:
    """An SQL condition over columns as an expression.

    Raises:
        SpecError: it is no condition over these columns; the message lists them.
    """
    try:
        found = pl.sql_expr(sql)
        unknown = [name for name in found.meta.root_names() if name not in schema]
        if not unknown:
            kind = pl.DataFrame(schema=schema).lazy().select(_meets=found).collect().schema["_meets"]
            if kind == pl.Boolean:
                return found.fill_null(False)
        what = f"there is no column `{unknown[0]}`" if unknown else f"it gives {kind}, neither true nor false"
    except pl.exceptions.PolarsError as error:
        what = str(error).splitlines()[0]
    raise unfit(sql, what, schema)


def unfit(sql: str, what: str, schema: pl.Schema) -> SpecError:
    """The message about a condition that cannot be used."""
    columns = ", ".join(f"{name} ({kind})" for name, kind in schema.items() if name[0] != "_" or name in ("_row_id", "_split"))
    fix = f"one SQL condition, such as \"label = 'x' AND length(text) > 20\"; a text stands in '...', columns: {columns}"
    return SpecError(f"`{sql}` is no condition on these rows: {what}", fix=fix)
