"""How far a model's probabilities are to be trusted."""

from __future__ import annotations

import time

import numpy as np
import polars as pl
from numpy.typing import NDArray

from lakehouse.pilot.evaluation import EVALUATIONS, Data, Job
from lakehouse.pilot.inference.classifiers import prepared_models
from lakehouse.pilot.inference.pictures import reliability_picture
from lakehouse.pilot.inference.reliability import best_temperature, brier, error_by_chance, log_loss, positions, reliability, tempered
from lakehouse.pilot.parameters import Analyzer, Ngrams, Positive, Seeds
from lakehouse.pilot.scores import Scores


@EVALUATIONS.register(version=1)
def calibration(
    *,
    input: str,
    label: str,
    seeds: Seeds = [1, 2, 3],  # noqa: B006 - read, never changed
    analyzer: Analyzer = "word",
    ngrams: Ngrams = [1, 1],  # noqa: B006
    max_features: Positive = 300_000,
    epochs: Positive = 20,
) -> Job:
    """Compare what the baseline of `train` says about its own sureness with how often it is right.

    Metrics a set: `ece`, the expected calibration error over 15 bins of equal mass (Naeini, Cooper and Hauskrecht 2015; Guo et al. 2017,
    whose bins are of equal width; of equal mass Nguyen and O'Connor 2015); `ece_by_chance`, what a calibrated model with these confidences
    would show on as few rows, for it is never zero; `brier`, summed over classes, 0 to 2 (Brier 1950); `log_loss`, natural;
    `confidence`, the mean probability of the predicted class; `overconfidence`, that minus the accuracy; `temperature`, by which the
    logarithms would have to be divided for the least log loss (Guo et al. 2017; above 1: the model is too sure); `ece_mended`, the error
    with a temperature that was found on the other half of the rows. An endpoint gives no probabilities, so there is none here. A label
    that the train rows lack has the probability 0.

    Example:
        `{calibration: {input: text, label: label, analyzer: char, ngrams: [1, 3]}}`
    """

    def job(data: Data) -> Scores:
        made = prepared_models(
            "calibration", data, input=input, label=label, seeds=seeds, analyzer=analyzer, ngrams=ngrams, max_features=max_features,
            epochs=epochs, endpoint=None,
        )  # fmt: skip
        parts, seconds = [], dict(made.seconds)
        metrics: dict[str, dict[str, list[float]]] = {}
        files: dict[str, bytes] = {}
        for on, rows in made.sets.items():
            found: dict[str, list[float]] = {}
            confidences, hits = [], []
            for seed, model in made.models.items():
                began = time.perf_counter()
                predicted = model.predict(rows[input])
                probabilities = predicted.probabilities
                assert probabilities is not None
                correct = (predicted.labels == rows[label]).to_numpy()
                for name, value in _numbers(probabilities, positions(rows[label], model.classes), correct).items():
                    found.setdefault(name, []).append(value)
                parts.append(made.predictions(on, seed, predicted.labels))
                confidences.append(probabilities.max(axis=1))
                hits.append(correct)
                seconds[seed] += time.perf_counter() - began
            metrics[on] = found
            bins = reliability(np.concatenate(confidences), np.concatenate(hits))
            title = f"{on}: expected calibration error {float(np.mean(found['ece'])):.3f}"
            files[f"{on}/reliability.png"] = reliability_picture(bins, title)
            table = pl.DataFrame({"confidence": bins.confidence, "accuracy": bins.accuracy, "rows": bins.rows})
            files[f"{on}/reliability.csv"] = table.write_csv().encode()
        return Scores(predictions=pl.concat(parts), seconds=seconds, notes=made.notes, metrics=metrics, files=files)

    return job


def _numbers(probabilities: NDArray[np.float64], truth: NDArray[np.int64], correct: NDArray[np.bool_]) -> dict[str, float]:
    confidence = probabilities.max(axis=1)
    values = {
        "ece": reliability(confidence, correct).error,
        "ece_by_chance": error_by_chance(confidence),
        "brier": brier(probabilities, truth),
        "log_loss": log_loss(probabilities, truth),
        "confidence": float(confidence.mean()),
        "overconfidence": float(confidence.mean() - correct.mean()),
        "temperature": best_temperature(probabilities, truth),
    }
    if len(truth) >= 2:
        # Rows are sorted by id: every other one is a half.
        halves = np.arange(len(truth)) % 2
        mended = np.empty(len(truth))
        for half in (0, 1):
            temperature = best_temperature(probabilities[halves != half], truth[halves != half])
            mended[halves == half] = tempered(probabilities[halves == half], temperature).max(axis=1)
        values["ece_mended"] = reliability(mended, correct).error
    return values
