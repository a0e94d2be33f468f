"""Texts that a language model of good ones finds strange."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
import polars as pl
from pydantic import Field

from lakehouse.core.text.kernels import buffers, ngram_model
from lakehouse.production.engine.operator import OPERATORS, Arrays, Keep, LearntArrays, compiled_with
from lakehouse.production.operators.duplicates import references
from lakehouse.production.operators.statistics import measures


@OPERATORS.register(version=2, cardinality="1:0", decides=("min_ppl", "max_ppl"), reads="dataset")
def perplexity(
    *,
    column: str,
    dataset: str,
    unit: Literal["characters", "words"] = "characters",
    order: Annotated[int, Field(ge=1, le=8)] | None = None,
    train_mb: Annotated[int, Field(ge=1)] = 32,
    min_ppl: float = 0.0,
    max_ppl: float = 1500.0,
) -> Keep:
    """Drop a text that a language model, trained on the gold table of `dataset`, finds too unlikely (or too likely).

    As CCNet does with Wikipedia (Wenzek et al. 2020, section 4) and Data-Juicer's perplexity_filter (`min_ppl`, `max_ppl`) with ready-made
    models; here the model is of the data that you call good. Interpolated modified Kneser-Ney (Chen & Goodman 1998) over n-grams of
    `order` characters (5; for Chinese and mixed text) or words (3; ideographs and punctuation marks for themselves), folded: lower case, no
    marks, digits as 0. Of more than `train_mb` megabytes every second, third ... row is taken; a model takes some 4 (English) to 18
    (Chinese) times the memory of its texts. A changed dataset is learnt anew. Signal `perplexity`: 10^(-log10 p / tokens), the end of the
    text counted as a token; about 3 to 20 for clean text by characters, 50 to 500 by words. Reasons `below_min`, `above_max`. A null text,
    or one without tokens, has no signal and is quarantined. The column has the same name in `dataset`.

    Example:
        `{perplexity: {column: text, dataset: encyclopedia, unit: characters, max_ppl: 40}}`
    """
    longest = order or (5 if unit == "characters" else 3)

    def prepare(rows: pl.DataFrame) -> Arrays:
        texts = references.texts(rows, column, dataset)
        step = max(1, -(-int(texts.str.len_bytes().sum()) // (train_mb * 1_000_000)))
        return ngram_model.train(*buffers.utf8(texts.gather_every(step)), longest, unit == "words")

    def measure(texts: pl.Series, arrays: Arrays) -> pl.Series:
        probability, tokens = ngram_model.score(*buffers.utf8(texts), arrays)
        strangeness = 10 ** (-probability / np.maximum(tokens, 1))
        return pl.select(pl.when(pl.Series(tokens > 0)).then(pl.Series(strangeness))).to_series().alias(texts.name)

    model = LearntArrays(prepare)
    kept = measures.within("perplexity", compiled_with(model, pl.col(column), measure, pl.Float64), min_ppl, max_ppl)
    return Keep(kept.signals, kept.leaves, model=model)
