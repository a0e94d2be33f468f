"""Near-duplicates."""

from __future__ import annotations

import numpy as np
import polars as pl

from lakehouse.core.errors import RecipeError
from lakehouse.core.text import shingles
from lakehouse.core.text.kernels.near_duplicates import near_duplicate_clusters
from lakehouse.core.text.kernels.simplify import TYPOGRAPHY, Aspect
from lakehouse.production.engine.operator import OPERATORS, Merge
from lakehouse.production.operators.duplicates import survivors


@OPERATORS.register(version=2, cardinality="N:1", decides=("threshold", "keep"))
def dedup_minhash(
    *,
    column: str | None = None,
    columns: list[str] | None = None,
    threshold: float = 0.8,
    unit: shingles.Unit = "words",
    size: int = 5,
    keep: survivors.Policy = "first",
    ignore: list[Aspect] = [*TYPOGRAPHY],  # noqa: B006 - read, never changed
) -> Merge:
    """Merge near-duplicates: texts whose shingles have an estimated Jaccard similarity of at least `threshold`.

    112 MinHash functions (Broder 1997) over shingles of `size` words or characters (take characters for Chinese, Japanese, Thai), 16
    bands of 7; each candidate pair is verified before it is joined; clusters are connected components and do not depend on order.
    `keep` decides which row stays: the first by `_row_id`, the longest text, or `all` (nothing merges, the cluster is only named, and
    splits keep it together). With `columns`, such as the sides of a pair, rows are near-duplicates when each of their texts is.

    `ignore` names what does not count. By default that is typography: `case`; `marks` that a word can do without (accents, points of
    Hebrew and Arabic; vowel signs, voicing and tone marks of other scripts spell words and always count); `punctuation`; full and half
    `width`. Add `digits` (all as 0) and `symbols` (`+ = $ % #` and pictographs) for web pages and templates that differ in dates and
    numbers: `[case, marks, digits, punctuation, symbols]` is what datatrove's and CCNet's folding leaves out. Signals `signature` (of
    several columns `signature_1` ...) and `length`. A null or empty text equals no other.

    Example:
        `{dedup_minhash: {column: text, threshold: 0.8, unit: characters}}`
    """
    if (column is None) == (not columns):
        raise RecipeError("dedup_minhash takes one of `column` and `columns`", fix="column: text, or columns: [source, target]")
    texts = [column] if column is not None else list(columns or ())
    signatures = {
        "signature" if column is not None else f"signature_{at}": shingles.signature(text, unit, size, ignore)
        for at, text in enumerate(texts, 1)
    }

    def decide(rows: pl.Series) -> pl.Series:
        known = rows.struct.unnest().drop_nulls([*signatures]).sort("_index")
        signed = np.hstack([shingles.matrix(known[name]) for name in signatures])
        component = near_duplicate_clusters(signed, shingles.BANDS, shingles.ROWS, threshold, len(signatures))
        agreement = lambda left, right: shingles.agreement(signed, left, right)  # noqa: E731
        return survivors.merged(rows, known["_index"], component, known["length"], keep, agreement)

    length = pl.sum_horizontal(pl.col(text).str.len_chars().cast(pl.Int64) for text in texts)
    found = pl.struct("_index", *signatures, "length").map_batches(decide, return_dtype=survivors.MERGED)
    return Merge(
        {**signatures, "length": length if len(texts) > 1 else pl.col(texts[0]).str.len_chars().cast(pl.Int64)},
        survivor=found.struct.field("survivor"),
        cluster=found.struct.field("cluster"),
        evidence=found.struct.field("similarity"),
    )
