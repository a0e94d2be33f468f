"""A stable share of the rows."""

from __future__ import annotations

import polars as pl

from lakehouse.production.engine.operator import OPERATORS, Keep
from lakehouse.production.splits import fraction


@OPERATORS.register(version=1, cardinality="1:0", decides=("share", "seed"), samples=True)
def sample(*, share: float, seed: int = 0) -> Keep:
    """Keep a `share` (0 to 1) of the clusters, chosen by hash: the same ones on every run, and a larger share holds the smaller one.

    Near-duplicates named by an earlier step go or stay together. Reason `not_sampled`.

    Example:
        `{sample: {share: 0.1, seed: 7}}`
    """
    return Keep({}, {"not_sampled": fraction(pl.col("_cluster"), seed) >= share})
