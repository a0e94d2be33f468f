"""A baseline model trained on the version."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Annotated, Any, Literal

import polars as pl
from pydantic import Field

from lakehouse.errors import RecipeError
from lakehouse.pilot.evaluation import EVALUATIONS, Data, Job, Scores


@EVALUATIONS.register()
def train(
    *,
    task: Literal["text_classification"],
    input: str,
    label: str,
    seeds: Annotated[list[Annotated[int, Field(ge=0)]], Field(min_length=1)] = [1, 2, 3],  # noqa: B006 - read, never changed
    analyzer: Literal["word", "char"] = "word",
    ngrams: Annotated[list[Annotated[int, Field(ge=1)]], Field(min_length=1, max_length=2)] = [1, 1],  # noqa: B006
    max_features: Annotated[int, Field(ge=1)] = 300_000,
    epochs: Annotated[int, Field(ge=1)] = 20,
) -> Job:
    """Train a linear text classifier on `train` and score it on the own test split and on the frozen held-out set.

    TF-IDF with sublinear term frequency over word or character n-grams, then logistic regression by averaged stochastic gradient descent
    (scikit-learn's SGDClassifier), once per seed with a fixed number of `epochs`: the budget is equal for every version. A linear
    model on n-grams is a strong and cheap baseline for topics and sentiment (Wang and Manning 2012). Rows without a label are neither
    learnt from nor scored; the note `unlabelled` counts them. Labels are compared as text.

    Example:
        `{train: {task: text_classification, input: text, label: label, analyzer: char, ngrams: [1, 3]}}`
    """

    if ngrams[0] > ngrams[-1]:
        raise RecipeError(f"train: ngrams {ngrams} end before they begin", fix=f"ngrams: {sorted(ngrams)}")

    def job(data: Data) -> Scores:
        import sklearn.feature_extraction.text
        import sklearn.linear_model  # noqa: F401 - the time it takes to import is no training time

        for name, rows in {"train": data.train, **data.sets}.items():
            for column in (input, label):
                if column not in rows.columns:
                    known = ", ".join(c for c in rows.columns if c[0] != "_")
                    raise RecipeError(f"train: the {name} rows have no column `{column}`", fix=f"columns: {known}")
            if rows.schema[input] != pl.String:
                raise RecipeError(f"train: column `{input}` of the {name} rows is {rows.schema[input]}, not text", fix="name a text column")
        given, sets = labelled(data.train, label), {name: labelled(rows, label) for name, rows in data.sets.items()}
        unlabelled = data.train.height - given.height + sum(data.sets[name].height - rows.height for name, rows in sets.items())
        for name, rows in sets.items():
            if rows.is_empty():
                raise RecipeError(f"no {name} row has a `{label}` to be scored on", fix="look at the splits and at the held-out set")
        classes = given[label].n_unique()
        if classes < 2:
            raise RecipeError(
                f"the train split holds {classes} class of `{label}`; a classifier needs two", fix="look at the splits and the recipe"
            )
        began = time.perf_counter()
        vectorizer, features = learn_features(given[input], analyzer=analyzer, ngrams=ngrams, max_features=max_features)
        scored = {name: vectorizer.transform(rows[input].fill_null("").to_list()) for name, rows in sets.items()}
        shared = time.perf_counter() - began
        parts, seconds = [], {}
        for seed in seeds:
            began = time.perf_counter()
            model = learn(features, given[label].to_list(), epochs=epochs, seed=seed)
            for name, rows in sets.items():
                parts.append(
                    rows.select(
                        pl.lit(name).alias("set"),
                        pl.lit(seed).cast(pl.Int64).alias("seed"),
                        "_row_id",
                        pl.col(label).alias("label"),
                        pl.Series("predicted", [str(p) for p in model.predict(scored[name])], dtype=pl.String),
                    )
                )
            seconds[seed] = shared + time.perf_counter() - began
        notes = {"features": features.shape[1], "train_rows": given.height, "unlabelled": unlabelled}
        return Scores(pl.concat(parts), seconds, {name: float(value) for name, value in notes.items()})

    return job


def labelled(rows: pl.DataFrame, label: str) -> pl.DataFrame:
    """The rows that have a label, which becomes text."""
    return rows.filter(pl.col(label).is_not_null()).with_columns(pl.col(label).cast(pl.String))


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


def learn(features: Any, labels: Sequence[str], *, epochs: int, seed: int) -> Any:
    """A logistic regression fitted by averaged stochastic gradient descent."""
    from sklearn.linear_model import SGDClassifier

    model = SGDClassifier(loss="log_loss", alpha=1e-5, max_iter=epochs, tol=None, average=True, random_state=seed)
    return model.fit(features, labels)
