"""Features of text: TF-IDF of n-grams."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import polars as pl

from lakehouse.core.errors import RecipeError
from lakehouse.pilot.models.packaged_model import PackagedModel


def check_ngrams(ngrams: Sequence[int]) -> None:
    """Refuse a range that ends before it begins.

    Raises:
        RecipeError: it does.
    """
    if ngrams[0] > ngrams[-1]:
        raise RecipeError(f"train: ngrams {list(ngrams)} end before they begin", fix=f"ngrams: {sorted(ngrams)}")


def learn_features(texts: pl.Series, *, analyzer: str, ngrams: Sequence[int], max_features: int) -> tuple[Any, Any]:
    """A TF-IDF vectorizer fitted on `texts` (null is empty), and their features, a sparse matrix (texts, terms).

    Raises:
        RecipeError: no term stands in two texts.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer

    vectorizer = TfidfVectorizer(
        analyzer=analyzer, ngram_range=(ngrams[0], ngrams[-1]), max_features=max_features, sublinear_tf=True, min_df=2
    )
    try:
        return vectorizer, vectorizer.fit_transform(texts.fill_null("").to_list())
    except ValueError as error:  # all that scikit-learn has for an empty vocabulary
        raise RecipeError(
            f"the {len(texts)} train rows give nothing to learn from: {str(error).rstrip('.')}",
            fix=f"a term counts when two rows hold it: train on more rows, or use `analyzer: char` for `{texts.name}`",
        ) from error


def text_pipeline(vectorizer: Any, model: Any, rows: pl.DataFrame, column: str) -> PackagedModel:
    """A fitted vectorizer and model as one pipeline that takes a frame with the text column."""
    import pickle

    from sklearn.compose import ColumnTransformer
    from sklearn.frozen import FrozenEstimator
    from sklearn.pipeline import Pipeline

    example = rows.select(pl.col(column).fill_null("")).head(3)
    # Frozen, `fit` learns nothing anew: it tells the transformer its columns.
    transformer = ColumnTransformer([("text", FrozenEstimator(vectorizer), column)]).fit(example.to_pandas())
    return PackagedModel(pickle.dumps(Pipeline([("features", transformer), ("model", model)])), example)
