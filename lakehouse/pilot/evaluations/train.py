"""A baseline model trained on the version."""

from __future__ import annotations

import inspect
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Annotated, Any, Literal

import polars as pl
from pydantic import Field

from lakehouse.core.errors import RecipeError
from lakehouse.pilot.evaluation import EVALUATIONS, Data, Job, Scores
from lakehouse.pilot.metrics import summary
from lakehouse.pilot.models import curve as curves
from lakehouse.pilot.models.learner import TRUTH, Learner
from lakehouse.pilot.models.tasks import learner_of
from lakehouse.pilot.models.text_classification import labelled, learn, learn_features
from lakehouse.pilot.scoring.tasks import SCORINGS

__all__ = ["labelled", "learn", "learn_features", "train"]

Positive = Annotated[int, Field(ge=1)]


@EVALUATIONS.register(version=1)
def train(
    *,
    task: Literal[
        "text_classification",
        "sequence_labelling",
        "regression",
        "tabular_classification",
        "tabular_regression",
        "image_classification",
        "language_modelling",
    ],
    input: str | None = None,
    features: Annotated[list[str], Field(min_length=1)] | None = None,
    label: str | None = None,
    seeds: Annotated[list[Annotated[int, Field(ge=0)]], Field(min_length=1)] = [1, 2, 3],  # noqa: B006 - read, never changed
    analyzer: Literal["word", "char"] = "word",
    ngrams: Annotated[list[Positive], Field(min_length=1, max_length=2)] = [1, 1],  # noqa: B006
    max_features: Positive = 300_000,
    epochs: Positive = 20,
    trees: Positive = 100,
    size: Positive = 32,
    order: Annotated[int, Field(ge=1, le=8)] = 5,
    curve: list[float] | None = None,
    loss_curve: bool = False,
    log_model: bool = True,
) -> Job:
    """Train a model of a `task` on `train` and score it on the own test split and on the frozen held-out set.

    Once per seed with a fixed budget, equal for every version: `epochs` of stochastic gradient descent, or `trees`.
    `text_classification` and `regression` are linear models on TF-IDF over word or character n-grams (`analyzer`, `ngrams`,
    `max_features`), `regression` also of numeric `features`; `sequence_labelling` is a conditional random field from a column of tokens
    to one of tags; `tabular_classification` and `tabular_regression` are gradient boosted trees over `features`; `image_classification`
    is a linear model on encoded pictures brought to `size` pixels; `language_modelling` is a model of `order` characters. A parameter
    that the task does not know is refused. Rows without a label are neither learnt from nor scored; the note `unlabelled` counts them.
    Classes are compared as text.

    `curve` names nested shares of the train rows, such as [0.1, 0.25, 0.5, 1.0]: the model is trained on each, and a power law of the
    error says what twice the rows would add. `loss_curve` follows the loss epoch by epoch. `log_model` puts the model of the first seed
    into MLflow where it is a scikit-learn pipeline.

    Example:
        `{train: {task: text_classification, input: text, label: label, analyzer: char, ngrams: [1, 3]}}`
    """
    own: dict[str, Any] = {"input": input, "features": features, "label": label, "analyzer": analyzer, "ngrams": ngrams}
    own |= {"max_features": max_features, "epochs": epochs, "trees": trees, "size": size, "order": order}
    defaults = {name: p.default for name, p in inspect.signature(train).parameters.items()}
    learner = learner_of(task, own, {**defaults, "input": None, "features": None, "label": None})
    if curve is not None:
        curves.check_shares(curve)
    if loss_curve and not learner.has_losses():
        raise RecipeError(f"train: {task} is not learnt epoch by epoch: it has no loss curve", fix="leave out `loss_curve`")
    asked = seeds if learner.random else seeds[:1]

    def job(data: Data) -> Scores:
        import sklearn.feature_extraction.text
        import sklearn.linear_model  # noqa: F401 - the time it takes to import is no training time

        for name, rows in {"train": data.train, **data.sets}.items():
            learner.check(name, rows)
        given, sets = learner.labelled(data.train), {name: learner.labelled(rows) for name, rows in data.sets.items()}
        unlabelled = data.train.height - given.height + sum(data.sets[name].height - rows.height for name, rows in sets.items())
        for name, rows in sets.items():
            if rows.is_empty():
                fix = "look at the splits and at the held-out set"
                raise RecipeError(f"no {name} row has a `{learner.label or input}` to be scored on", fix=fix)
        trained = _trained(learner, given, sets, asked)
        files: dict[str, bytes] = {}
        steps: dict[str, list[float]] = {}
        said: list[str] = []
        explained = learner.explained(trained.model, trained.learnt, sets, asked[0])
        files.update(explained.files)
        metrics: dict[str, dict[str, Sequence[float]]] = {}
        if curve is not None:
            found = _curves(learner, given, sets, asked, curve, trained)
            for one in found:
                metrics[one.on] = _numbers(one)
                said.append(one.in_words())
            files["curve.png"] = curves.curve_picture(found, f"{task}: {found[0].metric} by train rows")
            files["curve.json"] = json.dumps([asdict(one) for one in found], ensure_ascii=False, indent=1).encode()
        if loss_curve and (losses := learner.losses(trained.learnt, trained.features, given, sets, asked[0])) is not None:
            steps = {f"loss.{on}": list(values) for on, values in losses.by_set.items()}
            files["loss.png"] = curves.loss_picture(losses.name, dict(losses.by_set), f"{task}: loss by epoch, seed {asked[0]}")
        notes = {**learner.notes(trained.features), "train_rows": given.height, "unlabelled": unlabelled, **explained.notes}
        return Scores(
            trained.predictions,
            trained.seconds,
            {name: float(value) for name, value in notes.items()},
            metrics,
            files,
            learner.scoring,
            steps,
            said,
            learner.fitted(trained.learnt, trained.model, given) if log_model else None,
        )

    return job


@dataclass(frozen=True)
class _Trained:
    """Predictions over all seeds, wall seconds by seed, what features were learnt, those of the train rows, the first seed's model."""

    predictions: pl.DataFrame
    seconds: dict[int, float]
    learnt: Any
    features: Any
    model: Any


def _trained(learner: Learner, given: pl.DataFrame, sets: Mapping[str, pl.DataFrame], seeds: Sequence[int]) -> _Trained:
    learner.check_train(given)
    began = time.perf_counter()
    learnt, features = learner.learn_features(given)
    scored = {name: learner.features(learnt, rows) for name, rows in sets.items()}
    shared = time.perf_counter() - began
    parts, seconds, first = [], {}, None
    for seed in seeds:
        began = time.perf_counter()
        model = learner.fit(features, given, seed)
        first = model if first is None else first
        for name, rows in sets.items():
            parts.append(
                rows.select(
                    pl.lit(name).alias("set"),
                    pl.lit(seed).cast(pl.Int64).alias("seed"),
                    "_row_id",
                    pl.col(TRUTH).alias("label"),
                    learner.predict(model, scored[name], rows).alias("predicted"),
                )
            )
        seconds[seed] = shared + time.perf_counter() - began
    return _Trained(pl.concat(parts), seconds, learnt, features, first)


def _curves(
    learner: Learner, given: pl.DataFrame, sets: Mapping[str, pl.DataFrame], seeds: Sequence[int], shares: Sequence[float], whole: _Trained
) -> list[curves.Curve]:
    """The curve of each set; the last share is the training on all rows, which was done."""
    parts = curves.nested(given, shares)
    metric = SCORINGS[learner.scoring].main
    values: dict[str, list[list[float]]] = {on: [] for on in sets}
    for share, rows in zip(shares, parts, strict=True):
        try:
            predictions = whole.predictions if rows.height == given.height else _trained(learner, rows, sets, seeds).predictions
        except RecipeError as error:
            what = f"{share:g} of the {given.height} train rows, {rows.height}, are too few for the learning curve: {error.what}"
            raise RecipeError(what, fix="leave out the smallest shares of `curve`") from error
        for on in sets:
            found: Any = summary(predictions.filter(pl.col("set") == on), learner.scoring)[metric]["values"]
            values[on].append(found)
    return [curves.curve_of(metric, on, shares, [rows.height for rows in parts], values[on]) for on in sets]


def _numbers(curve: curves.Curve) -> dict[str, Sequence[float]]:
    """A curve as metrics of its set: the scores by percent of the rows, and what was fitted."""
    out: dict[str, Sequence[float]] = {
        f"curve.{curve.metric}.{100 * share:g}": values for share, values in zip(curve.shares, curve.values, strict=True)
    }
    if curve.fit is not None:
        f = curve.fit
        out[f"curve.{curve.metric}.exponent"] = [f.exponent]
        out |= {
            "curve.gain_of_doubling": [f.gain],
            "curve.gain_of_doubling_low": [f.gain_low],
            "curve.gain_of_doubling_high": [f.gain_high],
        }
    return out
