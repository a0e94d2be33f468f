"""Classifiers of texts that evaluations try: the baseline that `train` learns, or a model behind an endpoint."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import polars as pl
from numpy.typing import NDArray

from lakehouse.core.errors import RecipeError
from lakehouse.pilot.evaluation import Data, DataOrigin, check_columns
from lakehouse.pilot.inference.endpoint_classifier import EndpointClassifier, EndpointSettings
from lakehouse.pilot.models.features import learn_features
from lakehouse.pilot.models.linear_classifier import labelled, learn

NO_PREDICTIONS = pl.Schema({"set": pl.String(), "seed": pl.Int64(), "_row_id": pl.String(), "label": pl.String(), "predicted": pl.String()})


@dataclass(frozen=True)
class PredictedLabels:
    """Labels (String, `asked.NO_ANSWER` where there is none) and, where the model has them, probabilities, shape (texts, classes)."""

    labels: pl.Series
    probabilities: NDArray[np.float64] | None


class Predictor(Protocol):
    """A model. Column j of its probabilities is `classes[j]`."""

    @property
    def classes(self) -> tuple[str, ...]:
        """The labels it knows, sorted."""
        ...

    def predict(self, texts: pl.Series) -> PredictedLabels:
        """A label for each text; a null counts as an empty text."""
        ...


@dataclass(frozen=True)
class BaselinePredictor:
    """The baseline of one seed."""

    vectorizer: Any
    model: Any

    @property
    def classes(self) -> tuple[str, ...]:
        """The labels of the train rows, sorted."""
        return tuple(map(str, self.model.classes_))

    def predict(self, texts: pl.Series) -> PredictedLabels:
        """The likeliest label and the probabilities of all (one against the rest, put to a sum of one where there are more than two)."""
        if texts.is_empty():
            return PredictedLabels(pl.Series("predicted", [], dtype=pl.String), np.empty((0, len(self.classes))))
        features = self.vectorizer.transform(texts.fill_null("").to_list())
        labels = pl.Series("predicted", [str(p) for p in self.model.predict(features)], dtype=pl.String)
        return PredictedLabels(labels, np.asarray(self.model.predict_proba(features), dtype=np.float64))


@dataclass(frozen=True)
class EndpointPredictor:
    """A model behind an endpoint; it gives no probabilities."""

    asked: EndpointClassifier

    @property
    def classes(self) -> tuple[str, ...]:
        """The labels it is asked for, sorted."""
        return self.asked.classes

    def predict(self, texts: pl.Series) -> PredictedLabels:
        """What the answers name."""
        return PredictedLabels(self.asked.labels(texts), None)


@dataclass(frozen=True, kw_only=True)
class PreparedModels:
    """Models and what they are tried on.

    Attributes:
        origin: where the rows are from.
        models: by seed; an endpoint's is one, under the seed 0.
        sets: by name the rows with a label, which is text.
        seconds: of learning, by seed.
        notes: as `Scores.notes`.
    """

    input: str
    label: str
    origin: DataOrigin
    models: Mapping[int, Predictor]
    sets: Mapping[str, pl.DataFrame]
    seconds: Mapping[int, float]
    notes: Mapping[str, float]

    def predictions(self, on: str, seed: int, predicted: pl.Series) -> pl.DataFrame:
        """Predictions of the rows of a set as `Scores` has them."""
        rows = self.sets[on]
        labels = rows[self.label].alias("label")
        return pl.DataFrame([rows["_row_id"], labels, predicted.alias("predicted")]).select(
            pl.lit(on).alias("set"), pl.lit(seed, pl.Int64).alias("seed"), "_row_id", "label", "predicted"
        )


def prepared_models(
    name: str,
    data: Data,
    *,
    input: str,
    label: str,
    seeds: Sequence[int],
    analyzer: str,
    ngrams: Sequence[int],
    max_features: int,
    epochs: int,
    endpoint: EndpointSettings | None,
) -> PreparedModels:
    """The models of evaluation `name`: one a seed, learnt on the train rows as `train` does, or the endpoint's.

    Raises:
        RecipeError: a column is missing or no text, a set or the train rows have no labels, or parameters that cannot be.
        EndpointError: the endpoint's key is not there.
    """
    if ngrams[0] > ngrams[-1]:
        raise RecipeError(f"{name}: ngrams {list(ngrams)} end before they begin", fix=f"ngrams: {sorted(ngrams)}")
    check_columns(name, data, input, label)
    given, sets = labelled(data.train, label), {of: labelled(rows, label) for of, rows in data.sets.items()}
    for of, rows in sets.items():
        if rows.is_empty():
            raise RecipeError(f"{name}: no {of} row has a `{label}` to be scored on", fix="look at the splits and at the held-out set")
    unlabelled = data.train.height - given.height + sum(data.sets[of].height - rows.height for of, rows in sets.items())
    if endpoint is not None:
        # What it may answer is known from the train rows, as for the baseline; a set's label that these lack is one it cannot give.
        known_classes = given[label] if given.height else pl.concat([rows[label] for rows in sets.values()])
        model = EndpointPredictor(EndpointClassifier.declared(endpoint, input, tuple(known_classes.unique().sort()), data.origin))
        return PreparedModels(
            input=input,
            label=label,
            origin=data.origin,
            models={0: model},
            sets=sets,
            seconds={0: 0.0},
            notes={"unlabelled": float(unlabelled)},
        )
    if (classes := given[label].n_unique()) < 2:
        raise RecipeError(
            f"{name}: the train split holds {classes} class of `{label}`; a classifier needs two", fix="look at the splits and the recipe"
        )
    began = time.perf_counter()
    vectorizer, features = learn_features(given[input], analyzer=analyzer, ngrams=ngrams, max_features=max_features)
    shared = time.perf_counter() - began
    models: dict[int, Predictor] = {}
    seconds = {}
    for seed in seeds:
        began = time.perf_counter()
        models[seed] = BaselinePredictor(vectorizer, learn(features, given[label].to_list(), epochs=epochs, seed=seed))
        seconds[seed] = shared + time.perf_counter() - began
    notes = {"features": float(features.shape[1]), "train_rows": float(given.height), "unlabelled": float(unlabelled)}
    return PreparedModels(input=input, label=label, origin=data.origin, models=models, sets=sets, seconds=seconds, notes=notes)
