"""Labels that the texts speak against."""

from __future__ import annotations

import numpy as np
import polars as pl

from lakehouse.reserve.screening.detector import DETECTORS, FOUND, AllRowsLook
from lakehouse.reserve.screening.vectors import SIZES, Unit, coded, grams, out_of_fold, weighted


@DETECTORS.register(version=1, action="warn", decides=("at_least",))
def label_flips(*, column: str = "text", label: str = "label", unit: Unit = "words", at_least: float = 0.7) -> AllRowsLook:
    """Flag rows whose label was probably exchanged for another.

    Kinds: `model` (a logistic regression over hashed n-grams, in five folds, none of which teaches a row or a copy of it, gives another
    label a greater probability; the score is the difference of the two, as in confident learning, Northcutt et al. 2021), `copies` (the
    same text is in other rows with another label: the score is the share of its rows with that label, where that is more than half, or
    where these are even and the model agrees). Honest mistakes look the same; where labels are noisy, so are the findings.

    Args:
        column: Text column.
        label: Column of labels.
        unit: N-grams of `words`, or of `characters` for Chinese and other languages without spaces.
        at_least: Score from which rows are flagged.
    """
    return AllRowsLook((column, label), lambda given: _flipped(given, column, label, unit).with_columns(column=pl.lit(column)))


_LEAST = 0.3
"""Lower scores are not kept."""


def _flipped(given: pl.DataFrame, column: str, label: str, unit: Unit) -> pl.DataFrame:
    texts = given[column].str.to_lowercase()
    codes, names = coded(given[label])
    if len(names) < 2:
        return FOUND.to_frame()
    probabilities = out_of_fold(weighted(grams(texts, unit, SIZES[unit])), codes, texts, len(names))
    at = np.arange(len(codes))
    own = np.where(codes >= 0, probabilities[at, codes], 1.0)
    others = probabilities.copy()
    others[at, codes] = 0
    margin = np.where(codes >= 0, others.max(axis=1) - own, 0.0)
    frame = pl.DataFrame({"_at": at, "text": texts, "code": codes, "margin": margin, "other": others.argmax(axis=1)})
    predicted = pl.col("other").replace_strict(list(range(len(names))), names, return_dtype=pl.String)
    model = frame.filter(pl.col("margin") >= _LEAST).select(
        "_at", kind=pl.lit("model"), score=pl.col("margin").round(4), detail=pl.concat_str(pl.lit("looks like "), predicted)
    )
    copies = frame.filter((pl.col("code") >= 0) & pl.col("text").is_not_null() & (pl.col("text").str.len_chars() > 0))
    counted = copies.with_columns(all=pl.len().over("text"), same=pl.len().over("text", "code"))
    share = 1 - pl.col("same") / pl.col("all")
    flips = (share > 0.5) | ((share == 0.5) & (pl.col("margin") > 0))
    flipped = counted.filter(flips).select(
        "_at",
        kind=pl.lit("copies"),
        score=pl.when(share > 0.5).then(share).otherwise(pl.max_horizontal(0.7, "margin")).round(4),
        detail=pl.concat_str(pl.col("same"), pl.lit(" of "), pl.col("all"), pl.lit(" rows with this text have this label")),
    )
    return pl.concat([FOUND.to_frame(), model, flipped.with_columns(pl.col("_at").cast(pl.Int64))], how="diagonal")
