"""Text to a class: logistic regression on TF-IDF n-grams."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from lakehouse.pilot.models.features import check_ngrams, learn_features, text_pipeline
from lakehouse.pilot.models.learner import TRUTH, Learner, Losses, mean_log_loss, two_classes, with_classes
from lakehouse.pilot.models.packaged_model import PackagedModel
from lakehouse.pilot.parameters import Analyzer, Ngrams, Positive


class LinearClassifier(Learner):
    """Logistic regression by averaged stochastic gradient descent, whatever the features.

    Attributes:
        epochs: passes over the train rows.
    """

    epochs: int

    def check_train(self, rows: pl.DataFrame) -> None:
        two_classes(rows, str(self.label))

    def fit(self, features: Any, rows: pl.DataFrame, seed: int) -> Any:
        return learn(features, rows[TRUTH].to_list(), epochs=self.epochs, seed=seed)

    def predict(self, model: Any, features: Any, rows: pl.DataFrame) -> pl.Series:
        return pl.Series([str(p) for p in model.predict(features)], dtype=pl.String)

    def notes(self, features: Any) -> dict[str, float]:
        return {"features": features.shape[1]}

    def losses(self, learnt: Any, features: Any, rows: pl.DataFrame, sets: Mapping[str, pl.DataFrame], seed: int) -> Losses:
        return linear_losses(features, rows, {name: (self.features(learnt, part), part) for name, part in sets.items()}, self.epochs, seed)


class TextClassifier(LinearClassifier):
    """TF-IDF with sublinear term frequency, then logistic regression by averaged stochastic gradient descent.

    A linear model on n-grams is a strong and cheap baseline for topics and sentiment (Wang and Manning 2012). A null text is empty.
    """

    def __init__(
        self,
        *,
        input: str,
        label: str,
        analyzer: Analyzer = "word",
        ngrams: Ngrams = (1, 1),
        max_features: Positive = 300_000,
        epochs: Positive = 20,
    ) -> None:
        check_ngrams(ngrams)
        self.input, self.label, self.epochs = input, label, epochs
        self.shape = {"analyzer": analyzer, "ngrams": ngrams, "max_features": max_features}
        self.needs = {input: "text", label: "label"}

    def labelled(self, rows: pl.DataFrame) -> pl.DataFrame:
        return with_classes(rows, str(self.label))

    def learn_features(self, rows: pl.DataFrame) -> tuple[Any, Any]:
        return learn_features(rows[self.input], **self.shape)  # type: ignore[arg-type]

    def features(self, learnt: Any, rows: pl.DataFrame) -> Any:
        return learnt.transform(rows[self.input].fill_null("").to_list())

    def fitted(self, learnt: Any, model: Any, rows: pl.DataFrame) -> PackagedModel:
        return text_pipeline(learnt, model, rows, self.input)


def labelled(rows: pl.DataFrame, label: str) -> pl.DataFrame:
    """The rows that have a label, which becomes text."""
    return rows.filter(pl.col(label).is_not_null()).with_columns(pl.col(label).cast(pl.String))


def classifier(epochs: int, seed: int) -> Any:
    """An untrained logistic regression for `epochs` passes of averaged stochastic gradient descent."""
    from sklearn.linear_model import SGDClassifier

    return SGDClassifier(loss="log_loss", alpha=1e-5, max_iter=epochs, tol=None, average=True, random_state=seed)


def learn(features: Any, labels: Sequence[str], *, epochs: int, seed: int) -> Any:
    """A logistic regression fitted by averaged stochastic gradient descent."""
    return classifier(epochs, seed).fit(features, labels)


def linear_losses(features: Any, rows: pl.DataFrame, sets: Mapping[str, tuple[Any, pl.DataFrame]], epochs: int, seed: int) -> Losses:
    """The log loss after each pass of one training, on the train rows and on each set of (features, rows)."""
    truth = rows[TRUTH].to_list()
    classes = sorted(set(truth))
    model = classifier(epochs, seed)
    asked = {"train": (features, truth), **{name: (view, part[TRUTH].to_list()) for name, (view, part) in sets.items()}}
    found: dict[str, list[float]] = {name: [] for name in asked}
    for _ in range(epochs):
        model.partial_fit(features, truth, classes=classes)
        for name, (view, of) in asked.items():
            found[name].append(mean_log_loss(model.predict_proba(view), classes, of))
    return Losses("log loss", found)
