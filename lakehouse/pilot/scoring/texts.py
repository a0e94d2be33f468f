"""Texts that a language model was asked about: `label` is `<bytes> <tokens>` of a text, `predicted` the bits that the model needs for it.

The text itself is not repeated among the predictions: it stands in the version under the row's id.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from lakehouse.pilot.scoring.pictures import bits_picture
from lakehouse.pilot.scoring.scoring import Floats, Measure, Scoring, no_kinds, ratio


def _statistics(rows: pl.DataFrame, kinds: Sequence[str]) -> Floats:
    """Bits, bytes and tokens, shape (rows, 3)."""
    size = pl.col("label").str.split(" ")
    numbers = rows.select(pl.col("predicted").cast(pl.Float64), size.list.get(0).cast(pl.Float64), tokens=size.list.get(1).cast(pl.Float64))
    return numbers.to_numpy()


def _metrics(kinds: Sequence[str]) -> dict[str, Measure]:
    return {
        "bits_per_byte": lambda sums: ratio(sums[:, 0], sums[:, 1]),
        "perplexity": lambda sums: np.exp2(ratio(sums[:, 0], sums[:, 2])),
    }


TEXTS = Scoring(
    name="language_modelling",
    kinds=no_kinds,
    statistics=_statistics,
    metrics=_metrics,
    main="bits_per_byte",
    headline=("bits_per_byte", "perplexity"),
    pictures=lambda predictions, metrics, title: {"bits.png": bits_picture(predictions, title)},
    less_is_better=frozenset({"bits_per_byte", "perplexity"}),
)
"""bits_per_byte of UTF-8, and perplexity per token; less is better of both."""
