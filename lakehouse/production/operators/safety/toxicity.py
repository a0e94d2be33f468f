"""English texts that offend."""

from __future__ import annotations

import importlib.util
from functools import cache
from typing import Literal

import numpy as np
import polars as pl

from lakehouse.core.errors import MissingExtraError
from lakehouse.core.text.compiled import compiled
from lakehouse.core.text.kernels import buffers, characters
from lakehouse.core.text.kernels.linear_text import Classifier, probabilities
from lakehouse.core.text.kernels.spans import word_table
from lakehouse.production.engine.operator import OPERATORS, Keep


@OPERATORS.register(version=1, cardinality="1:0", decides=("at_most", "action"), packages=("alt-profanity-check", "scikit-learn"))
def toxicity(*, column: str, at_most: float = 0.5, action: Literal["drop", "quarantine"] = "drop") -> Keep:
    """Drop or set aside an English text that is offensive with a probability above `at_most`, by the model of alt-profanity-check 1.9.

    The model is a linear support vector machine over tf-idf of words, trained on 200,000 comments of Twitter and Wikipedia (Zhou 2019),
    with its probabilities calibrated. It knows English words only: a text in another language (Chinese, say) gets about 0.04, whatever it
    says; for these use `sensitive_words`. It judges single words, so long texts look mild. Signal `probability` (0 to 1). Reason `toxic`.
    Needs the extra `toxicity`. A null text has no signal and is quarantined.

    Raises:
        MissingExtraError: alt-profanity-check is not installed.

    Example:
        `{toxicity: {column: text, at_most: 0.5, action: quarantine}}`
    """
    if importlib.util.find_spec("profanity_check") is None:
        raise MissingExtraError("`toxicity`", "toxicity")

    def measure(texts: pl.Series) -> pl.Series:
        data, offsets = buffers.utf8(texts.str.to_lowercase())
        found = pl.Series(texts.name, probabilities(data, offsets, characters.table(), *_classifier().arrays))
        return found.set(texts.is_null(), None) if texts.null_count() else found

    return Keep(
        {"probability": compiled(pl.col(column), measure, pl.Float64)},
        {"toxic": pl.col("probability") > at_most},
        action=action,
    )


@cache
def _classifier() -> Classifier:
    """The installed model, read once a process."""
    from profanity_check.profanity_check import model, vectorizer

    listed = sorted(vectorizer.vocabulary_, key=vectorizer.vocabulary_.get)
    words, offsets = buffers.utf8(pl.Series(listed, dtype=pl.String))
    parts = model.calibrated_classifiers_
    calibrators = [part.calibrators[0] for part in parts]
    return Classifier(
        table=word_table(words, offsets),
        words=words,
        offsets=offsets,
        idf=np.asarray(vectorizer.idf_, dtype=np.float64),
        weights=np.ascontiguousarray(np.vstack([part.estimator.coef_[0] for part in parts]).T),
        intercepts=np.array([float(part.estimator.intercept_[0]) for part in parts]),
        slopes=np.array([float(calibrator.a_) for calibrator in calibrators]),
        shifts=np.array([float(calibrator.b_) for calibrator in calibrators]),
    )
