"""Many near-copies of one text that came at once."""

from __future__ import annotations

import numpy as np
import polars as pl

from lakehouse.core.text import shingles
from lakehouse.core.text.kernels.near_duplicates import near_duplicate_clusters
from lakehouse.core.text.kernels.simplify import FOLDED
from lakehouse.reserve.screening.detector import DETECTORS, FOUND, AllRowsLook

_LEAST = 3


@DETECTORS.register(version=2, action="warn", decides=("at_least",))
def bursts(
    *, column: str = "text", unit: shingles.Unit = "words", size: int = 3, threshold: float = 0.7, at_least: float = 10.0
) -> AllRowsLook:
    """Flag near-copies of one text that came in one collection and from one place: a flood of posts, a text made to be learnt by heart.

    Near-copies are clusters of MinHash signatures, as the operator `dedup_minhash` makes them (112 hashes, estimated Jaccard similarity of
    at least `threshold`). The score is the number of rows of a cluster that one collection brought from one file or address (`_uri`).
    Kinds: `exact` (all of them the same text), `near`. Recipes merge copies anyway; this shows that they came at once.

    Args:
        column: Text column.
        unit: Shingles of `words`, or of `characters` for Chinese and other languages without spaces.
        size: Words or characters in a shingle.
        threshold: Least similarity of near-copies.
        at_least: Number of rows from which a burst is flagged.
    """
    return AllRowsLook((column, "_collection", "_uri"), lambda given: _bursts(given, column, unit, size, threshold))


def _bursts(given: pl.DataFrame, column: str, unit: shingles.Unit, size: int, threshold: float) -> pl.DataFrame:
    signed = given.select(shingles.signature(column, unit, size, FOLDED).alias("signature"))["signature"]
    known = signed.is_not_null().arg_true()
    component = near_duplicate_clusters(shingles.matrix(signed.gather(known)), shingles.BANDS, shingles.ROWS, threshold)
    rows = given.select(column, "_collection", "_uri")[known].with_columns(
        _at=known.cast(pl.Int64), cluster=pl.Series(np.asarray(component), dtype=pl.Int64)
    )
    together = ["cluster", "_collection", "_uri"]
    counted = rows.with_columns(n=pl.len().over(together), texts=pl.col(column).n_unique().over(together))
    held = counted.filter(pl.col("n") >= _LEAST).select(
        "_at",
        kind=pl.when(pl.col("texts") == 1).then(pl.lit("exact")).otherwise(pl.lit("near")),
        column=pl.lit(column),
        score=pl.col("n").cast(pl.Float64),
        detail=pl.concat_str(pl.lit("one of "), pl.col("n"), pl.lit(" rows of one collection from one place")),
    )
    return pl.concat([FOUND.to_frame(), held], how="diagonal")
