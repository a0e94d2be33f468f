"""Text or numbers to a number: a linear model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl

from lakehouse.core.errors import RecipeError
from lakehouse.pilot.models.features import check_ngrams, learn_features, text_pipeline
from lakehouse.pilot.models.learner import TRUTH, Learner, Losses, as_text, with_numbers
from lakehouse.pilot.models.packaged_model import PackagedModel
from lakehouse.pilot.parameters import Analyzer, Features, Ngrams, Positive


class LinearRegression(Learner):
    """A linear model by averaged stochastic gradient descent, of TF-IDF n-grams of `input` or of the numbers `features`.

    Numbers are brought to mean 0 and standard deviation 1, a missing one to the mean; so is the label, which is turned back.
    """

    def __init__(
        self,
        *,
        label: str,
        input: str | None = None,
        features: Features | None = None,
        analyzer: Analyzer = "word",
        ngrams: Ngrams = (1, 1),
        max_features: Positive = 300_000,
        epochs: Positive = 20,
    ) -> None:
        if (input is None) == (features is None):
            raise RecipeError("train: regression learns from `input`, a text, or from `features`, numbers", fix="name one of the two")
        check_ngrams(ngrams)
        self.input, self.columns, self.label, self.epochs = input, list(features or ()), label, epochs
        self.shape = {"analyzer": analyzer, "ngrams": ngrams, "max_features": max_features}
        self.needs = {input: "text", label: "number"} if input else {**dict.fromkeys(self.columns, "number"), label: "number"}

    def labelled(self, rows: pl.DataFrame) -> pl.DataFrame:
        return with_numbers(rows, self.label)  # type: ignore[arg-type]

    def learn_features(self, rows: pl.DataFrame) -> tuple[Any, Any]:
        if self.input:
            return learn_features(rows[self.input], **self.shape)  # type: ignore[arg-type]
        from sklearn.impute import SimpleImputer
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        learnt = make_pipeline(SimpleImputer(keep_empty_features=True), StandardScaler())
        return learnt, learnt.fit_transform(self._numbers(rows))

    def features(self, learnt: Any, rows: pl.DataFrame) -> Any:
        return learnt.transform(rows[self.input].fill_null("").to_list() if self.input else self._numbers(rows))

    def fit(self, features: Any, rows: pl.DataFrame, seed: int) -> Any:
        return self._model(features, seed).fit(features, self._truth(rows))

    def predict(self, model: Any, features: Any, rows: pl.DataFrame) -> pl.Series:
        return as_text(pl.Series(model.predict(features), dtype=pl.Float64))

    def notes(self, features: Any) -> dict[str, float]:
        return {"features": features.shape[1]}

    def losses(self, learnt: Any, features: Any, rows: pl.DataFrame, sets: Mapping[str, pl.DataFrame], seed: int) -> Losses:
        whole = self._model(features, seed)
        scale = whole.transformer.fit(self._truth(rows)[:, None])
        asked = {"train": (features, rows), **{name: (self.features(learnt, part), part) for name, part in sets.items()}}
        target = {name: scale.transform(self._truth(part)[:, None])[:, 0] for name, (_, part) in asked.items()}
        found: dict[str, list[float]] = {name: [] for name in asked}
        for _ in range(self.epochs):
            whole.regressor.partial_fit(features, target["train"])
            for name, (view, _) in asked.items():
                found[name].append(float(np.mean((whole.regressor.predict(view) - target[name]) ** 2)))
        return Losses("squared error (label of standard deviation 1)", found)

    def fitted(self, learnt: Any, model: Any, rows: pl.DataFrame) -> PackagedModel:
        if self.input:
            return text_pipeline(learnt, model, rows, self.input)
        import pickle

        from sklearn.pipeline import Pipeline

        example = rows.select(pl.col(self.columns).cast(pl.Float64)).head(3)
        return PackagedModel(pickle.dumps(Pipeline([("features", learnt), ("model", model)])), example)

    def _model(self, features: Any, seed: int) -> Any:
        from sklearn.compose import TransformedTargetRegressor
        from sklearn.linear_model import SGDRegressor
        from sklearn.preprocessing import StandardScaler

        # A step of half of what would overshoot on a long row: least mean squares diverges above 2 / |x|^2 (Widrow and Hoff 1960).
        squares = np.asarray(features.multiply(features).sum(axis=1) if hasattr(features, "multiply") else (features**2).sum(axis=1))
        step = min(0.5, 0.5 / max(float(np.quantile(squares, 0.99)), 1e-9))
        model = SGDRegressor(alpha=1e-5, eta0=step, max_iter=self.epochs, tol=None, average=True, random_state=seed)
        return TransformedTargetRegressor(model, transformer=StandardScaler())

    def _truth(self, rows: pl.DataFrame) -> Any:
        return rows[TRUTH].cast(pl.Float64).to_numpy()

    def _numbers(self, rows: pl.DataFrame) -> Any:
        return rows.select(pl.col(self.columns).cast(pl.Float64).fill_null(float("nan"))).to_pandas()
