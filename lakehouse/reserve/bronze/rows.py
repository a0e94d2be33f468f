"""The rows of a collection: what is new, changed or gone against the live rows of bronze."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

import polars as pl

from lakehouse.core.errors import SourceError
from lakehouse.core.row_model import BRONZE
from lakehouse.core.runs.progress import Progress
from lakehouse.core.spec import Source
from lakehouse.reserve.bronze.batches import Batches
from lakehouse.reserve.bronze.erased_items import ErasedItems
from lakehouse.reserve.bronze.keys import keyed, row_ids
from lakehouse.reserve.bronze.unchanged import UnchangedFiles


@dataclass(kw_only=True)
class CollectedRows:
    """One collection under way: what was seen of the source, and how it differs from the live rows of bronze.

    Attributes:
        grows: what is read adds to the carried rows, the newest first: an item that is there already, or comes again, is as it was
            read first.
        anew: all rows are to be written, for bronze has them in other types.
    """

    source: Source
    number: int
    batches: Batches
    index: pl.DataFrame
    carried: UnchangedFiles
    progress: Progress
    grows: bool = False
    erased: ErasedItems | None = None
    anew: bool = False
    added: int = 0
    changed: int = 0
    vanished: int = 0
    count: int = 0
    findings: Counter[str] = field(default_factory=Counter)
    per_file: Counter[str] = field(default_factory=Counter)
    moved: set[str] = field(default_factory=set)
    left_out: int = 0
    left_in: set[str] = field(default_factory=set)
    left_blobs: set[str] = field(default_factory=set)
    _seen: list[pl.DataFrame] = field(default_factory=list)
    _keys: list[pl.Series] = field(default_factory=list)

    def __post_init__(self) -> None:
        if not self.grows:
            self._take_carried(self.carried.rows)
        self.findings.update(self.carried.findings)
        if self.carried.keys is not None:
            self._keys.append(self.carried.keys)

    def _take_carried(self, rows: pl.DataFrame) -> None:
        self._seen.append(rows)
        self.count += rows.height

    def live(self) -> pl.DataFrame:
        """`_row_id` and `_content` of all items of the source."""
        return pl.concat(self._seen)

    def frames(self) -> Iterator[pl.DataFrame]:
        """The rows to append: new and changed ones as they are met, tombstones at the end."""
        at = datetime.now(UTC)
        for rows in self.batches:
            if not self.batches.own:
                raise SourceError(
                    f"no item of source {self.source.source} can be read, so its columns are unknown ({rows['_findings'][0][0]})",
                    where=rows["_uri"][0],
                    fix="check `format:`, or declare `columns:` to keep the items as they are",
                )
            fresh = self._fresh(rows)
            if not fresh.is_empty():
                yield self._stored(fresh, at)
            self.progress(f"{self.source.source}: items", self.count, None)
        if self.grows:
            self._take_carried(self._not_replaced())
        if not self.count and not self.left_out:
            raise SourceError(f"source {self.source.source} yields no item; nothing is written", fix="check that its files are not empty")
        gone = self.index.join(self.live(), on="_row_id", how="anti", maintain_order="left")
        self.vanished = gone.height
        self._check_vanished()
        if self.vanished and not self.anew:
            yield self._tombstones(gone, at)

    def _not_replaced(self) -> pl.DataFrame:
        """The carried rows whose items did not come again."""
        rows = self.carried.rows
        if not self._seen or rows.is_empty():
            return rows
        again = rows.join(pl.concat(self._seen), on="_row_id", how="semi")
        replaced = self.index.join(again, on="_row_id", how="semi")["_findings"]
        self.findings.subtract(replaced.explode(empty_as_null=False).drop_nulls().to_list())
        self.findings = +self.findings
        return rows.join(again, on="_row_id", how="anti", maintain_order="left")

    def _first_only(self, rows: pl.DataFrame) -> pl.DataFrame:
        """The last of the rows of each key in its newest file, and none of a key that a newer file had."""
        placed = rows.with_row_index("_at").with_columns(pl.col("_at").min().over("_file"))
        rows = placed.sort("_at", -pl.col("_position")).unique("_key", keep="first", maintain_order=True).drop("_at")
        for block in self._keys:
            rows = rows.filter(~pl.col("_key").is_in(block.implode()))
        return rows

    def _fresh(self, rows: pl.DataFrame) -> pl.DataFrame:
        rows = keyed(rows, self.source.key)
        if self.grows and self.source.key != "position":
            rows = self._first_only(rows)
        rows = row_ids(rows, self.source.source, self.source.key, self._keys)
        if self.source.key != "position":
            self._keys.append(rows["_key"])
        rows = self._not_erased(rows)
        self._seen.append(rows.select("_row_id", "_content"))
        self.count += rows.height
        self.findings.update(rows["_findings"].explode(empty_as_null=False).drop_nulls().to_list())
        self.per_file.update(dict(rows.group_by("_file").len().iter_rows()))
        before = self.index.select("_row_id", pl.col("_content").alias("_before"), pl.col("_uri").alias("_stands"))
        before = before.filter(pl.col("_row_id").is_in(rows["_row_id"].implode()))
        rows = rows.join(before, on="_row_id", how="left", maintain_order="left")
        new = rows["_before"].is_null()
        different = ~new & (rows["_before"] != rows["_content"]).fill_null(False)
        self.added += int(new.sum())
        self.changed += int(different.sum())
        elsewhere = rows.filter(~new & ~different & (rows["_stands"] != rows["_uri"]).fill_null(True))
        self.moved.update(elsewhere["_file"].unique().to_list())
        return rows if self.anew else rows.filter(new | different)

    def _not_erased(self, rows: pl.DataFrame) -> pl.DataFrame:
        """The rows without erased items, which have had their part in numbering the copies of a key."""
        if self.erased is None or rows.is_empty():
            return rows
        held = self.erased.hold(rows, self.source.key)
        out = rows.filter(held)
        self.left_out += out.height
        self.left_in.update(out["_file"].unique())
        self.left_blobs.update(out["_blob"].drop_nulls())
        return rows.filter(~held)

    def _stored(self, rows: pl.DataFrame, at: datetime) -> pl.DataFrame:
        if self.source.mode == "virtual":
            bare = {"_raw": BRONZE["_raw"], "_blob": BRONZE["_blob"], **self.batches.own}
            rows = rows.with_columns(pl.lit(None, dtype).alias(name) for name, dtype in bare.items())
        return rows.with_columns(
            pl.lit(self.number, dtype=pl.Int64).alias("_collection"),
            pl.lit(False).alias("_deleted"),
            pl.lit(at, dtype=pl.Datetime("us", "UTC")).alias("_collected_at"),
            pl.lit(self.source.license).alias("_license"),
        ).select(*BRONZE, *self.batches.own)

    def _tombstones(self, gone: pl.DataFrame, at: datetime) -> pl.DataFrame:
        schema = {**BRONZE, **self.batches.own}
        values = {
            "_row_id": pl.col("_row_id"),
            "_collection": pl.lit(self.number, dtype=pl.Int64),
            "_deleted": pl.lit(True),
            "_collected_at": pl.lit(at, dtype=pl.Datetime("us", "UTC")),
            "_license": pl.lit(self.source.license),
            "_findings": pl.lit([], dtype=pl.List(pl.String)),
        }
        return gone.select(values.get(name, pl.lit(None, dtype=dtype)).alias(name) for name, dtype in schema.items())

    def _check_vanished(self) -> None:
        share = self.vanished / self.index.height if self.index.height else 0.0
        if share > self.source.max_vanished:
            raise SourceError(
                f"{self.vanished:,} of {self.index.height:,} items of source {self.source.source} vanished ({share:.0%}), "
                f"more than max_vanished {self.source.max_vanished:.0%} allows; nothing is written",
                fix="restore the material; if the loss (or a changed `key:`) is meant, raise `max_vanished:` for one collection",
            )
