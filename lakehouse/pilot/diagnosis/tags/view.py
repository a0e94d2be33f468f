"""How rows of tokens with tags are read."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from lakehouse.pilot.diagnosis.tags.label_type import OUTSIDE, TagLabels
from lakehouse.pilot.diagnosis.view import View
from lakehouse.pilot.diagnosis.views import reduced
from lakehouse.pilot.models.features import learn_features
from lakehouse.pilot.models.random_field import RandomField

LENGTH = "tokens"
_CHARACTERS = (1, 3)
_TERMS = 100_000


class TokensView(View):
    """Tokens: its words are the tokens; its vectors TF-IDF of one to three characters, reduced to 100 dimensions."""

    what = "the tokens"
    common = 0.2

    def __init__(self, learner: RandomField) -> None:
        self.learner, self.label_type = learner, TagLabels(learner)
        self.tokens, self.label = learner.input, str(learner.label)
        self.columns = (self.tokens,)

    def shown(self) -> pl.Expr:
        return pl.col(self.tokens).list.join(" ", ignore_nulls=True)

    def words(self, rows: pl.DataFrame) -> pl.Series:
        return rows.select(pl.col(self.tokens).list.eval(pl.element().str.to_lowercase()).list.unique().alias("words"))["words"]

    def vectors(self, rows: pl.DataFrame) -> NDArray[np.float32]:
        texts = rows.select(self.shown()).to_series()
        return reduced(learn_features(texts, analyzer="char", ngrams=_CHARACTERS, max_features=_TERMS)[1])

    def plain(self, rows: pl.DataFrame) -> pl.DataFrame:
        """The rows with the share of their tokens that has a tag for label, and their number of tokens."""
        share = pl.col(self.label).list.eval(pl.element() != OUTSIDE).list.mean().alias(self.label)
        return rows.with_columns(share, pl.col(self.tokens).list.len().cast(pl.Int64).alias(self.length(rows)))

    def length(self, rows: pl.DataFrame) -> str:
        """The name under which the number of tokens is compared."""
        return LENGTH if LENGTH not in rows.columns else f"number of {self.tokens}"
