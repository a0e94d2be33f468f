"""Bring a table to a wanted state by writing only what differs, in one commit."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import polars as pl

from lakehouse.errors import BalanceError
from lakehouse.table import Table

_REWRITE_SHARE = 0.5
"""Above this share of touched rows a rewrite is cheaper than a merge, which rewrites nearly every file anyway."""


@dataclass(frozen=True)
class Difference:
    """What has to change in a table.

    Attributes:
        write: index rows that are new or changed.
        remove: `_row_id` of rows that must go.
        rewrite: whether to write everything anew (then `write` is the whole wanted index).
    """

    write: pl.DataFrame
    remove: pl.Series
    rewrite: bool
    added: int
    changed: int
    removed: int

    @property
    def nothing(self) -> bool:
        """Whether the table is as wanted."""
        return not self.rewrite and self.write.is_empty() and self.remove.is_empty()


def difference(table: Table, wanted: pl.DataFrame, *, anew: bool) -> Difference:
    """Compare `wanted` (`_row_id` and the columns that tell whether a row changed) with what `table` holds.

    Args:
        anew: the values of every row are out of date.

    Raises:
        BalanceError: a row stands in the table more than once.
    """
    compared = [c for c in wanted.columns if c != "_row_id"]
    if not table.exists():
        return Difference(wanted, pl.Series("_row_id", [], dtype=pl.String), True, wanted.height, 0, 0)
    stored = table.schema()
    anew = anew or any(c not in stored for c in compared)
    compared = [c for c in compared if c in stored]
    have = table.read(["_row_id", *compared])
    if have["_row_id"].n_unique() != have.height:
        copied = have.filter(pl.col("_row_id").is_duplicated())["_row_id"][0]
        raise BalanceError(
            f"row {copied} stands there more than once; something else wrote to the table",
            where=table.uri,
            fix="delete that folder and run again: it is made anew",
        )
    gone = have.join(wanted, on="_row_id", how="anti")["_row_id"]
    joined = wanted.join(have, on="_row_id", how="left", suffix="_have", maintain_order="left", coalesce=True)
    known = wanted["_row_id"].is_in(have["_row_id"].implode())
    differs = joined.select(pl.any_horizontal(pl.col(c).ne_missing(pl.col(f"{c}_have")) for c in compared)).to_series()
    added, changed = int((~known).sum()), int((known & differs).sum())
    write = wanted.filter(differs | ~known)
    touched = changed + len(gone)
    rewrite = anew or (touched > 0 and touched > _REWRITE_SHARE * max(have.height, 1))
    return Difference(wanted if rewrite else write, gone, rewrite, added, int(known.sum()) if anew else changed, len(gone))


def apply(
    table: Table,
    change: Difference,
    rows_of: Callable[[pl.DataFrame], Iterable[pl.DataFrame]],
    schema: pl.Schema,
    metadata: Mapping[str, str],
) -> int:
    """Write `change`; `rows_of` gives the full rows (with `schema`) of index rows, in frames. Returns the Delta version."""
    if change.rewrite:
        return table.write(rows_of(change.write), "overwrite", schema=schema, metadata=metadata)
    if change.remove.is_empty() and change.changed == 0:
        return table.write(rows_of(change.write), "append", schema=schema, metadata=metadata)
    # The rows of a change are few (see _REWRITE_SHARE) and are held in memory for the merge.
    rows = (part.select(schema.names()) for part in rows_of(change.write))
    new = pl.concat([pl.DataFrame(schema=schema), *rows]).with_columns(_delete=pl.lit(False))
    gone = pl.DataFrame({"_row_id": change.remove}).with_columns(_delete=pl.lit(True))
    changes = pl.concat([new, gone], how="diagonal")
    return table.merge(changes, key="_row_id", delete="_delete", metadata=metadata)
