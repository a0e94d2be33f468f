"""Vectors for detectors of poisoning: hashed n-grams of texts, and the label predicted by a model that never saw the row."""

from __future__ import annotations

import warnings
from typing import Any, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from lakehouse.core.errors import SpecError

Unit = Literal["words", "characters"]
FOLDS, FEATURES = 5, 1 << 18
_MOST_LABELS = 500
SIZES: dict[Unit, tuple[int, int]] = {"words": (1, 2), "characters": (1, 3)}
"""Sizes of n-grams: words and pairs of them; characters up to three, for Chinese and other languages without spaces."""


def grams(texts: pl.Series, unit: Unit, sizes: tuple[int, int], features: int = FEATURES) -> Any:
    """Sparse counts of hashed n-grams, shape (n, features); a null text has none."""
    from sklearn.feature_extraction.text import HashingVectorizer

    by_word = unit == "words"
    hashing = HashingVectorizer(
        analyzer="word" if by_word else "char",
        token_pattern=r"(?u)\w+",
        ngram_range=sizes,
        n_features=features,
        alternate_sign=False,
        norm=None,
        dtype=np.float32,
    )
    return hashing.transform(texts.fill_null("").to_list())


def weighted(counts: Any) -> Any:
    """TF-IDF of counts, rows of length 1."""
    from sklearn.feature_extraction.text import TfidfTransformer

    return TfidfTransformer(sublinear_tf=True).fit_transform(counts)


def coded(labels: pl.Series) -> tuple[NDArray[np.int64], list[str]]:
    """Labels as numbers, -1 for null, and their names in order.

    Raises:
        SpecError: more than 500 of them.
    """
    names = labels.cast(pl.String).drop_nulls().unique().sort()
    if len(names) > _MOST_LABELS:
        raise SpecError(
            f"column `{labels.name}` has {len(names):,} values: these are no labels", fix="name the column of labels: `label: ...`"
        )
    codes = labels.cast(pl.String).replace_strict(names, list(range(len(names))), default=-1, return_dtype=pl.Int64)
    return codes.to_numpy(), names.to_list()


def out_of_fold(vectors: Any, codes: NDArray[np.int64], texts: pl.Series, classes: int) -> NDArray[np.float64]:
    """The probability of every label by a logistic regression that saw neither the row nor a copy of it, shape (n, classes).

    Rows without a label get probabilities too and teach none. Copies of a text are in one fold.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import SGDClassifier

    fold = (texts.fill_null("").rank("dense").to_numpy() - 1) % FOLDS
    out = np.full((len(codes), classes), 1.0 / classes)
    for k in range(FOLDS):
        inside = (fold != k) & (codes >= 0)
        known = np.unique(codes[inside])
        if len(known) < 2 or not (fold == k).any():
            continue
        model = SGDClassifier(loss="log_loss", alpha=1e-5, max_iter=20, tol=1e-3, average=True, random_state=0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # twenty passes are enough to separate labels
            model.fit(vectors[inside], codes[inside])
        out[np.ix_(fold == k, known)] = model.predict_proba(vectors[fold == k])
    return out


def listed_grams(text: str, unit: Unit, sizes: tuple[int, int]) -> list[str]:
    """The n-grams of a text, as `grams` makes them."""
    from sklearn.feature_extraction.text import HashingVectorizer

    listed: list[str] = HashingVectorizer(
        analyzer="word" if unit == "words" else "char", token_pattern=r"(?u)\w+", ngram_range=sizes
    ).build_analyzer()(text)
    return listed


def hashed_grams(listed: list[str], features: int) -> NDArray[np.int64]:
    """The column of each n-gram among `features`."""
    from sklearn.feature_extraction import FeatureHasher

    found = FeatureHasher(features, input_type="string", alternate_sign=False).transform([[gram] for gram in listed])
    return np.asarray(found.indices, dtype=np.int64)
