"""Slices of the rows where models tag more tokens wrong than elsewhere."""

from __future__ import annotations

import numpy as np
import polars as pl

from lakehouse.pilot.diagnosis.material import Material
from lakehouse.pilot.diagnosis.slices import SliceSearch, features_of, rank_sum
from lakehouse.pilot.diagnosis.tags.out_of_fold import OutOfFoldTags
from lakehouse.pilot.diagnosis.tags.view import TokensView
from lakehouse.pilot.diagnosis.views import bins

ENTITIES = "entities predicted"


def tag_slices(m: Material[OutOfFoldTags]) -> SliceSearch:
    """Slices by the number of entities and of tokens among others, tested on the ranks of shares of tokens.

    Entities are counted as predicted: a tag that was forgotten would make a slice of itself.
    """
    assert isinstance(m.view, TokensView)
    predicted = m.out_of_fold
    begins = np.array([tag.startswith("B-") for tag in predicted.classes])[predicted.probabilities.argmax(axis=1)]
    entities = pl.Series(ENTITIES, np.bincount(predicted.row, begins, minlength=m.rows.height).astype(np.int64))
    rows = m.view.plain(m.rows)
    features = features_of(rows, m.view, bins(entities))
    return SliceSearch(
        features=features.with_columns(bins(rows[m.view.length(m.rows)])),
        test=rank_sum,
        error_name="error",
        members=lambda rows: {},
        title="slices with more tokens wrong",
        axis="share of a row's tokens that the model tags wrong",
    )
