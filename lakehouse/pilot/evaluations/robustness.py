"""What noise in texts costs a model."""

from __future__ import annotations

import time
from typing import Annotated, Any

import polars as pl
from pydantic import Field

from lakehouse.pilot.evaluation import EVALUATIONS, Data, Job
from lakehouse.pilot.inference.classifiers import PreparedModels, prepared_models
from lakehouse.pilot.inference.endpoint_classifier import NO_ANSWER, EndpointSettings, paraphrases
from lakehouse.pilot.inference.noise import CheckedNoise, noises
from lakehouse.pilot.inference.pictures import drops_picture
from lakehouse.pilot.inference.reliability import accuracy, macro_f1
from lakehouse.pilot.parameters import Analyzer, Ngrams, Positive, Seeds
from lakehouse.pilot.scores import Scores


@EVALUATIONS.register(version=1)
def robustness(
    *,
    input: str,
    label: str,
    noise: Annotated[list[Annotated[Any, CheckedNoise]], Field(min_length=1)] | None = None,
    paraphrase: EndpointSettings | None = None,
    endpoint: EndpointSettings | None = None,
    seeds: Seeds = [1, 2, 3],  # noqa: B006 - read, never changed
    analyzer: Analyzer = "word",
    ngrams: Ngrams = [1, 1],  # noqa: B006
    max_features: Positive = 300_000,
    epochs: Positive = 20,
) -> Job:
    """Score the model on each set as it is and under noise: what it loses, and how many predictions change.

    The model is the baseline of `train`, of the same parameters, or the one behind `endpoint`; it learns from the clean train rows. `noise`
    names operators that make variants (`typos`, `case_noise`, `punctuation_noise`, `homophones`, `look_alikes`, `synonyms`), without
    `column`, or `whitespace`, which drops and doubles spaces and puts spaces between Chinese characters; a list as `rate` tries each.
    Without it: typos 0.05, letter case, punctuation 0.3, whitespace 0.1, and, where texts hold Chinese, homophones and look-alikes 0.05
    (extra `chinese`). A row always gets the same noise. `paraphrase` asks a model to say each text in other words; rows that it did not
    answer are left out of its numbers.

    Metrics a set, by noise: `accuracy.<noise>`, `macro_f1.<noise>`, `drop.<noise>` (accuracy lost), `flips.<noise>` (share of rows whose
    prediction changed), `changed.<noise>` (share of texts that the noise changed at all: a drop counts all rows), and `worst_drop`, the
    largest drop. `abstained` is the share of answers of an endpoint that name no label; they count as errors.

    Example:
        `{robustness: {input: text, label: label, analyzer: char, ngrams: [1, 3], noise: [{homophones: {rate: [0.05, 0.2]}}, case_noise]}}`
    """

    def job(data: Data) -> Scores:
        made = prepared_models(
            "robustness", data, input=input, label=label, seeds=seeds, analyzer=analyzer, ngrams=ngrams, max_features=max_features,
            epochs=epochs, endpoint=endpoint,
        )  # fmt: skip
        kinds = noises(noise, input, pl.concat([rows[input] for rows in made.sets.values()]), data.origin)
        parts: list[pl.DataFrame] = []
        seconds = dict(made.seconds)
        metrics: dict[str, dict[str, list[float]]] = {}
        files: dict[str, bytes] = {}
        for on, rows in made.sets.items():
            texts = {name: made_noise(rows) for name, made_noise in kinds.items()}
            if paraphrase is not None:
                texts["paraphrase"] = paraphrases(paraphrase, input, rows[input], data.origin)
            found: dict[str, list[float]] = {}
            for seed in made.models:
                began = time.perf_counter()
                parts.append(made.predictions(on, seed, _one(made, on, seed, texts, found)))
                seconds[seed] += time.perf_counter() - began
            metrics[on] = found
            files[f"{on}/robustness.png"] = drops_picture(found, list(texts), f"{on}: accuracy {_mean(found['clean_accuracy']):.3f}")
            files[f"{on}/robustness.csv"] = _table(found, list(texts)).write_csv().encode()
        return Scores(predictions=pl.concat(parts), seconds=seconds, notes=made.notes, metrics=metrics, files=files)

    return job


def _one(made: PreparedModels, on: str, seed: int, texts: dict[str, pl.Series], found: dict[str, list[float]]) -> pl.Series:
    """Add the numbers of one seed to `found`; returns the predictions on the set as it is."""
    rows, model = made.sets[on], made.models[seed]
    truth, clean = rows[made.label], model.predict(rows[made.input]).labels
    values = {"clean_accuracy": accuracy(truth, clean), "abstained": float((clean == NO_ANSWER).mean())}  # type: ignore[arg-type]
    drops = []
    for name, noisy in texts.items():
        there = noisy.is_not_null()
        values[f"answered.{name}"] = float(there.mean())  # type: ignore[arg-type]
        if not there.any():
            continue
        of, before = truth.filter(there), clean.filter(there)
        after = model.predict(noisy.filter(there)).labels
        values[f"accuracy.{name}"] = accuracy(of, after)
        values[f"macro_f1.{name}"] = macro_f1(of, after)
        values[f"drop.{name}"] = accuracy(of, before) - accuracy(of, after)
        values[f"flips.{name}"] = 1 - accuracy(before, after)
        values[f"changed.{name}"] = 1 - accuracy(rows[made.input].fill_null("").filter(there), noisy.filter(there))
        drops.append(values[f"drop.{name}"])
    if drops:
        values["worst_drop"] = max(drops)
    for name, value in values.items():
        if not (name.startswith("answered.") and name != "answered.paraphrase"):
            found.setdefault(name, []).append(value)
    return clean


def _table(found: dict[str, list[float]], kinds: list[str]) -> pl.DataFrame:
    columns = ("accuracy", "macro_f1", "drop", "flips", "changed")
    tried = [kind for kind in kinds if f"drop.{kind}" in found]
    return pl.DataFrame({"noise": tried, **{c: [_mean(found[f"{c}.{kind}"]) for kind in tried] for c in columns}})


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)
