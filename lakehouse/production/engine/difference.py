"""Bring a table to a wanted state by writing only what differs, in one commit."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import polars as pl

from lakehouse.core.errors import BalanceError
from lakehouse.core.lake.table import Table

_REWRITE_SHARE = 0.5
"""Above this share of touched rows they are all made anew."""


@dataclass(frozen=True, kw_only=True)
class Difference:
    """What has to change in a table.

    Attributes:
        write: index rows that are new or changed.
        remove: `_row_id` of rows that must go.
        rewrite: whether to write everything anew (then `write` is the whole wanted index).
        version: of the table that was compared, -1 where there was none; a change made for it is refused once there is a later one.
    """

    write: pl.DataFrame
    remove: pl.Series
    rewrite: bool
    added: int
    changed: int
    removed: int
    version: int

    @property
    def nothing(self) -> bool:
        """Whether the table is as wanted."""
        return not self.rewrite and self.write.is_empty() and self.remove.is_empty()


def difference(table: Table, wanted: pl.DataFrame, *, anew: bool, version: int | None, have: pl.DataFrame | None = None) -> Difference:
    """Compare `wanted` (`_row_id` and the columns that show whether a row changed) with what `table` holds.

    Args:
        anew: the values of every row are out of date.
        version: of the table that `wanted` was made from, None where there was none; whatever was committed since refuses the change.
        have: these columns of the table as of `version`, where the caller has read them.

    Raises:
        BalanceError: a row is in the table more than once.
    """
    if version is None:
        return Difference(
            write=wanted,
            remove=pl.Series("_row_id", [], dtype=pl.String),
            rewrite=True,
            added=wanted.height,
            changed=0,
            removed=0,
            version=-1,
        )
    stored = table.schema(version)
    compared = [c for c in wanted.columns if c != "_row_id" and c in stored]
    anew = anew or len(compared) + 1 < wanted.width
    found = table.read(["_row_id", *compared], version) if have is None else have.select("_row_id", *compared)
    found = found.with_columns(_known=pl.lit(True))
    joined = wanted.join(found, on="_row_id", how="left", suffix="_have", maintain_order="left")
    known = joined["_known"].is_not_null()
    gone = found["_row_id"].head(0)
    if int(known.sum()) < found.height:
        gone = found.join(wanted.select("_row_id"), on="_row_id", how="anti")["_row_id"]
    if joined.height > wanted.height or int(known.sum()) + len(gone) > found.height or gone.n_unique() < len(gone):
        copied = found.filter(pl.col("_row_id").is_duplicated())["_row_id"][0]
        raise BalanceError(
            f"row {copied} is there more than once; something else wrote to the table",
            where=table.uri,
            fix="delete that folder and run again: it is made anew",
        )
    differs = joined.select(pl.any_horizontal(pl.col(c).ne_missing(pl.col(f"{c}_have")) for c in compared)).to_series()
    added, changed = int((~known).sum()), int((known & differs).sum())
    touched = changed + len(gone)
    rewrite = anew or (touched > 0 and touched > _REWRITE_SHARE * max(found.height, 1))
    write = wanted if rewrite else wanted.filter(differs | ~known)
    return Difference(
        write=write,
        remove=gone,
        rewrite=rewrite,
        added=added,
        changed=int(known.sum()) if anew else changed,
        removed=len(gone),
        version=version,
    )


def apply(
    table: Table,
    change: Difference,
    rows_of: Callable[[pl.DataFrame], Iterable[pl.DataFrame]],
    schema: pl.Schema,
    metadata: Mapping[str, str],
) -> int:
    """Write `change` in one commit; `rows_of` gives the full rows (with `schema`) of index rows, in frames. Returns the Delta version.

    Rows that are only added become new files. Files that hold changed or removed rows are made anew: `Table.replace`.
    """
    if change.rewrite:
        return table.write(rows_of(change.write), "overwrite", schema=schema, metadata=metadata, after=change.version)
    if change.remove.is_empty() and change.changed == 0:
        return table.write(rows_of(change.write), "append", schema=schema, metadata=metadata, after=change.version)
    have = table.located(["_row_id"])
    leaves = pl.col("_row_id").is_in(pl.concat([change.remove, change.write["_row_id"]]).implode())
    return table.replace(have.filter(leaves), rows_of(change.write), schema=schema, metadata=metadata, after=change.version)
