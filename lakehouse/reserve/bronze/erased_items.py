"""Erased items, which must not come back: salted hashes of their ids and contents, in `system/erasures`.

A collection leaves out an item whose id was erased, and one whose content was erased wherever it is. Where the key is the position,
another item may take the place of an erased one: there an id counts only together with its content.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl
import polars_hash as plh

from lakehouse.core.journal import Journal
from lakehouse.core.project import Project
from lakehouse.reserve.bronze.keys import Key
from lakehouse.reserve.screening.salt import salt_of

JOURNAL = Journal(
    "erasures",
    pl.Schema(
        {
            "request": pl.String(),
            "event": pl.String(),  # requested, item (one of its rows), done
            "source": pl.String(),
            "row": pl.String(),  # of an item: salted hash of its `_row_id`
            "pair": pl.String(),  # of an item: salted hash of `_row_id` and `_content`
            "content": pl.String(),  # of an item: salted hash of `_content`; null where another row that stays has the same
            "payload": pl.String(),  # of requested and done, JSON: who, reason, basis, counts, versions, what is out of reach
        }
    ),
)


def salted(salt: str, *parts: str) -> pl.Expr:
    """Hex SHA-256 of columns, the salt of the lake before and behind them: equal values are known to be equal, none can be guessed."""
    text = pl.concat_str(pl.lit(salt), *parts, pl.lit(salt), separator="\n")
    hashed: pl.Expr = plh.concat_str(text).chash.sha2_256()
    return hashed


def salt_text(project: Project) -> str:
    """The salt of the lake as text."""
    return salt_of(project).hex()


@dataclass(frozen=True)
class ErasedItems:
    """The erased items of one source; `rows` has `row`, `pair`, `content`."""

    salt: str
    rows: pl.DataFrame

    def hold(self, rows: pl.DataFrame, key: Key) -> pl.Series:
        """Whether each of `rows` (`_row_id`, `_content`) was erased."""
        by = ("_row_id", "_content") if key == "position" else ("_row_id",)
        known = self.rows["pair" if key == "position" else "row"]
        found = rows.select(one=salted(self.salt, *by), content=salted(self.salt, "_content"))
        return found.select(
            pl.col("one").is_in(known.implode()) | pl.col("content").is_in(self.rows["content"].drop_nulls().implode())
        ).to_series()


def erased_of(project: Project, source: str) -> ErasedItems | None:
    """The erased items of a source; None where there are none."""
    table = JOURNAL.table(project)
    if not table.exists():
        return None
    mine = (pl.col("event") == "item") & (pl.col("source") == source)
    rows = table.scan().filter(mine).select("row", "pair", "content").unique().collect()
    return ErasedItems(salt_text(project), rows) if rows.height else None
