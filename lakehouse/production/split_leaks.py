"""What of one split stands in another: groups divided, rows equal in what is learnt from, texts near-equal.

A table of few values repeats rows by nature: of 4,000 answers to three questions with five choices each, none is a copy of another. So rows
that are equal in features count as a leak only where they are more than twice as many as there would be if each column kept its values, but
independently of the others. Texts, pictures and recordings do not meet by chance: equal ones always count.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import polars as pl

from lakehouse.core.lake.table import Table
from lakehouse.core.spec.evaluation import SPLIT_LEAK
from lakehouse.core.text import shingles
from lakehouse.core.text.kernels.near_duplicates import near_duplicate_clusters
from lakehouse.core.text.kernels.simplify import TYPOGRAPHY
from lakehouse.core.text.numbers import counted
from lakehouse.production.learnt_columns import Learnt

NEAR_ROWS = 200_000
"""Most rows of which near-equal texts are looked for: their signatures take 45 MB."""
_SHINGLE, _ALIKE = 5, 0.8
"""Characters of a shingle, and the least similarity of near-equal texts: those of `dedup_minhash`."""
_BEYOND_CHANCE = 2.0
_LONG = 20
"""Mean characters from which a column of a table is a text, which does not repeat by nature."""


@dataclass(frozen=True, kw_only=True)
class SplitLeaks:
    """What more than one split holds.

    Attributes:
        groups: groups divided: near-copies, parts of one row, and what `splits` keeps together.
        rows: rows that are equal in `columns` to a row of another split, where that is no chance.
        near: further rows whose text is near-equal to one of another split; None: it was not looked for.
        too_many: near-equal texts were not looked for, since there are more than NEAR_ROWS.
        columns: that were compared; none: nothing is learnt from.
        equal_features: rows of a table equal in `columns` to a row of another split, by chance or not.
        by_chance: how many that would be if the columns had their values independently of each other; None: no table.
    """

    groups: int = 0
    rows: int = 0
    near: int | None = None
    too_many: bool = False
    columns: tuple[str, ...] = ()
    equal_features: int = 0
    by_chance: float | None = None

    @property
    def found(self) -> bool:
        """Whether anything leaks."""
        return bool(self.groups or self.rows or self.near)

    @property
    def metrics(self) -> dict[str, int]:
        """The counts by the names that gates use. What was not looked for is no count."""
        parts = {"groups": self.groups, "rows": self.rows, "near": self.near, "equal_features": self.equal_features}
        known = {f"{SPLIT_LEAK}.{name}": count for name, count in parts.items() if count is not None}
        return {SPLIT_LEAK: self.groups + self.rows + (self.near or 0), **known}

    def as_json(self) -> dict[str, Any]:
        """The manifest's `leaks`."""
        return {**asdict(self), "columns": list(self.columns)}

    def in_words(self) -> list[str]:
        """What was found and what to do about it, a sentence each."""
        named = " and ".join(f"`{column}`" for column in self.columns)
        first = f"[{', '.join(self.columns)}]"
        said = []
        if self.groups:
            what = counted(self.groups, "group")
            said.append(f"{what} of near-copies or parts of one row in more than one split; `splits: {{by: cluster}}` keeps them together")
        if self.rows:
            is_ = counted(self.rows, "row is", "rows are")
            chance = f" (by chance it would be {self.by_chance:,.0f})" if self.by_chance is not None else ""
            way = f"merge copies by `dedup_exact: {{columns: {first}}}`, or keep them together by `splits: {{by: group, columns: {first}}}`"
            said.append(f"{is_} equal in {named} to a row of another split{chance}; {way}")
        if self.near:
            texts = counted(self.near, "text is", "texts are")
            way = (
                f"`dedup_minhash: {{column: {self.columns[0]}, keep: all}}` in the recipe and `splits: {{by: cluster}}` keep them together"
            )
            said.append(f"{texts} near-equal in {named} to one of another split; {way}")
        return said

    def remarks(self) -> list[str]:
        """What looks like a leak and is none, and what was not looked for."""
        if self.too_many:
            way = "a near-duplicate step in the recipe, such as `dedup_minhash`, names them"
            return [f"near-equal texts were not looked for among more than {NEAR_ROWS:,} rows: {way}"]
        if not self.equal_features or self.rows or self.by_chance is None:
            return []
        named = " and ".join(f"`{column}`" for column in self.columns)
        return [
            f"equal features: {counted(self.equal_features, 'row is', 'rows are')} equal in {named} to a row of another split, and by "
            f"chance it would be {self.by_chance:,.0f}: these columns repeat by nature, so that this is no leak"
        ]


def of_manifest(kept: Mapping[str, Any] | None) -> SplitLeaks:
    """As a manifest keeps it; older ones have `groups` and `rows` alone."""
    given = dict(kept or {})
    return SplitLeaks(**{**given, "columns": tuple(given.get("columns", ()))})


def leaks(rows: pl.DataFrame, group: pl.Series, learnt: Learnt, gold: Table | None = None, *, near_known: bool = False) -> SplitLeaks:
    """What more than one split holds.

    Args:
        rows: with `_split`, and `_learnt` where there are columns that a model learns from.
        group: `splits.groups` of the rows.
        gold: holds the rows; without it, neither chance nor near-equal texts are looked at.
        near_known: the recipe looks for near-duplicates, so that `groups` has those that are divided.
    """
    split = rows["_split"]
    groups = len(_divided(group, split))
    equal = int(_divided(rows["_learnt"], split)["len"].sum()) if learnt.columns else 0
    columns = learnt.columns
    if gold is None or split.n_unique() < 2 or not columns:
        return SplitLeaks(groups=groups, rows=equal, columns=columns)
    if learnt.as_table:
        chance = _by_chance(gold.read(["_split", *columns]), columns) if equal else None
        is_leak = chance is None or equal > _BEYOND_CHANCE * chance
        return SplitLeaks(groups=groups, rows=equal if is_leak else 0, columns=columns, equal_features=equal, by_chance=chance)
    text = columns[0]
    looked = not near_known and gold.schema()[text] == pl.String
    too_many = looked and rows.height > NEAR_ROWS
    near = _near(gold.read(["_split", "_learnt", text]), text) if looked and not too_many else None
    return SplitLeaks(groups=groups, rows=equal, near=near, too_many=too_many, columns=columns)


def _divided(key: pl.Series, split: pl.Series) -> pl.DataFrame:
    """The keys that more than one split holds, with the number of rows of each (`len`)."""
    if key.n_unique() == len(key):
        return pl.DataFrame({"key": key}).head(0).with_columns(len=pl.lit(0, pl.UInt32))
    per_key = pl.DataFrame({"key": key, "split": split}).group_by("key").agg(pl.col("split").n_unique().alias("n"), pl.len())
    return per_key.filter(pl.col("n") > 1).drop("n")


def _by_chance(rows: pl.DataFrame, columns: Sequence[str]) -> float | None:
    """Rows expected to equal one of another split if each column had its values independently; None where a column holds texts or lists.

    A row equals another one with the product, over columns, of the share of the other rows that have its value.
    """
    n = rows.height
    for column in columns:
        values = rows[column]
        if values.dtype.is_nested() or values.dtype == pl.Binary:
            return None
        if values.dtype == pl.String and float(str(values.str.len_chars().mean() or 0)) >= _LONG:
            return None
    one = pl.lit(1.0)
    for column in columns:
        one = one * (pl.len().over(pl.col(column)) - 1) / (n - 1)
    others = n - pl.len().over("_split")
    return float(str(rows.select((1.0 - (1.0 - one).pow(others)).sum()).item()))


def _near(rows: pl.DataFrame, text: str) -> int:
    """Rows in a cluster of near-equal texts that more than one split holds, those left out that equal a row of another split."""
    signed = rows.select("_split", "_learnt", signature=shingles.signature(text, "characters", _SHINGLE, TYPOGRAPHY)).drop_nulls(
        "signature"
    )
    if signed.height < 2:
        return 0
    cluster = near_duplicate_clusters(shingles.matrix(signed["signature"]), shingles.BANDS, shingles.ROWS, _ALIKE)
    signed = signed.with_columns(pl.Series("cluster", cluster))
    divided = signed.join(_divided(signed["cluster"], signed["_split"]), left_on="cluster", right_on="key", how="semi")
    return divided.join(_divided(signed["_learnt"], signed["_split"]), left_on="_learnt", right_on="key", how="anti").height
