"""Text to the bits that a model of the train rows needs for it: n-grams of characters."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Any

import numpy as np
import polars as pl
from pydantic import Field

from lakehouse.core.text.kernels import buffers, ngram_model
from lakehouse.pilot.models.learner import TRUTH, Learner, as_text


class NgramLanguageModel(Learner):
    """Interpolated modified Kneser-Ney (Chen and Goodman 1998) of `order` characters, the model of the operator `perplexity`.

    Texts are read folded: lower case, no marks, digits as 0. So the bits compare versions of a dataset on the same rows, and are fewer than
    those of a model that tells cases apart. The end of a text is predicted like a character. Nothing in it is random: it is trained once.
    """

    label = None
    random = False

    def __init__(self, *, input: str, order: Annotated[int, Field(ge=1, le=8)] = 5) -> None:
        self.input, self.order = input, order
        self.needs = {input: "text"}

    def labelled(self, rows: pl.DataFrame) -> pl.DataFrame:
        kept = rows.filter(pl.col(self.input).str.len_bytes() > 0)
        size = pl.format("{} {}", pl.col(self.input).str.len_bytes(), pl.col(self.input).str.len_chars() + 1)
        return kept.with_columns(size.alias(TRUTH))

    def learn_features(self, rows: pl.DataFrame) -> tuple[Any, Any]:
        return None, rows[self.input]

    def features(self, learnt: Any, rows: pl.DataFrame) -> Any:
        return rows[self.input]

    def fit(self, features: Any, rows: pl.DataFrame, seed: int) -> Mapping[str, Any]:
        return ngram_model.train(*buffers.utf8(features), self.order, False)

    def predict(self, model: Any, features: Any, rows: pl.DataFrame) -> pl.Series:
        probability, _ = ngram_model.score(*buffers.utf8(features), model)
        return as_text(pl.Series(np.abs(probability) / math.log10(2), dtype=pl.Float64))

    def notes(self, features: Any) -> dict[str, float]:
        return {"train_megabytes": round(float(features.str.len_bytes().sum()) / 1e6, 3)}
