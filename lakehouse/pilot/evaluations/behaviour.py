"""What a model must be able to do, whatever its accuracy."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
import polars as pl
import polars_hash as plh
from pydantic import AfterValidator

from lakehouse.core.errors import FactoryError, RecipeError
from lakehouse.pilot.evaluation import EVALUATIONS, Data, Job
from lakehouse.pilot.inference import cases as declared_cases
from lakehouse.pilot.inference.cases import Direction, MinimumFunction, Test, replaced
from lakehouse.pilot.inference.classifiers import NO_PREDICTIONS, Predictor, PreparedModels, prepared_models
from lakehouse.pilot.inference.endpoint_classifier import EndpointSettings
from lakehouse.pilot.inference.noise import noises
from lakehouse.pilot.parameters import Analyzer, Ngrams, Positive, Seeds
from lakehouse.pilot.scores import Scores

_EXAMPLES = 20
"""Failures that are kept of each test."""


def _checked(tests: list[Any]) -> list[Any]:
    if tests:
        try:
            declared_cases.read(tests)
        except FactoryError as error:
            raise ValueError(f"{error.what}; {error.fix}" if error.fix else error.what) from error
    return tests


@EVALUATIONS.register(version=1, files=("cases",))
def behaviour(
    *,
    input: str,
    label: str,
    tests: Annotated[list[Any], AfterValidator(_checked)] = [],  # noqa: B006 - read, never changed
    cases: str | None = None,
    endpoint: EndpointSettings | None = None,
    seeds: Seeds = [1, 2, 3],  # noqa: B006
    analyzer: Analyzer = "word",
    ngrams: Ngrams = [1, 1],  # noqa: B006
    max_features: Positive = 300_000,
    epochs: Positive = 20,
) -> Job:
    """Try the model on behavioural tests (CheckList, Ribeiro, Wu, Guestrin and Singh 2020), each with its failure rate.

    `minimum_function`: texts that must get the label `expect`. `invariance`: a change that must not change the prediction, `replace` (pairs
    of texts) or `noise` (as in `robustness`). `direction`: a text `add`ed (`where: end` or `start`) must not let the probability of `label`
    `must_not: fall` or `rise` by more than `tolerance`; it needs probabilities, which an endpoint does not give. Texts are `texts`, and
    `templates` with every combination of values of their `slots`; `rows: N` tries the last two kinds on so many rows of each set as well.
    Each test has a `name`, `allowed`, the share that may fail (0), and `cost`, what one failure costs (0): an assertion of the business.
    `cases` names a YAML file in the project folder that holds `tests: [...]`.

    Metrics a set: `failures.<test>`, the share of its cases that fail; `tests_failed`, tests with more failures than allowed; `cost`, over
    all failures. `behaviour.json` has the numbers and the first 20 failures of each test. The same under every set where no rows are tried.

    Example:
        `{behaviour: {input: text, label: label, tests: [{minimum_function: {name: praise, texts: [这家店很好], expect: positive}}]}}`
    """

    def job(data: Data) -> Scores:
        tried = declared_cases.read(tests, cases, data.origin)
        made = prepared_models(
            "behaviour", data, input=input, label=label, seeds=seeds, analyzer=analyzer, ngrams=ngrams, max_features=max_features,
            epochs=epochs, endpoint=endpoint,
        )  # fmt: skip
        classes = next(iter(made.models.values())).classes
        for test in tried:
            _check(test, classes, asked=endpoint is not None)
        seconds = dict(made.seconds)
        metrics: dict[str, dict[str, list[float]]] = {}
        files: dict[str, bytes] = {}
        for on in made.sets:
            pairs = {test.name: _texts(test, made, on) for test in tried}
            found: dict[str, list[float]] = {}
            report: list[dict[str, Any]] = []
            for seed, model in made.models.items():
                began = time.perf_counter()
                outcomes = [_try(test, *pairs[test.name], model) for test in tried]
                seconds[seed] += time.perf_counter() - began
                for name, value in _numbers(tried, outcomes).items():
                    found.setdefault(name, []).append(value)
                report += [_told(test, outcome, seed) for test, outcome in zip(tried, outcomes, strict=True)]
            metrics[on] = found
            files[f"{on}/behaviour.json"] = json.dumps(report, ensure_ascii=False, indent=1).encode()
        return Scores(predictions=pl.DataFrame(schema=NO_PREDICTIONS), seconds=seconds, notes=made.notes, metrics=metrics, files=files)

    return job


@dataclass(frozen=True)
class _Outcome:
    """`cases`: `text`, `changed`, `before`, `after`, `failed`, one row a case; before and after are labels, or probabilities."""

    cases: pl.DataFrame

    @property
    def failures(self) -> int:
        return int(self.cases["failed"].sum())

    @property
    def rate(self) -> float:
        return self.failures / self.cases.height


def _check(test: Test, classes: tuple[str, ...], *, asked: bool) -> None:
    known = f"labels: {', '.join(classes[:20])}"
    for name in [test.expect] if isinstance(test, MinimumFunction) else [test.label] if isinstance(test, Direction) else []:
        if name not in classes:
            raise RecipeError(f"behavioural test {test.name}: no train row has the label {name!r}", fix=known)
    if isinstance(test, Direction) and asked:
        raise RecipeError(
            f"behavioural test {test.name}: an endpoint gives no probabilities",
            fix="test a direction on the baseline, in an evaluation of its own",
        )


def _texts(test: Test, made: PreparedModels, on: str) -> tuple[pl.Series, pl.Series]:
    """The texts that a test is tried on, as they are and changed; for a minimum function both are the same."""
    written = test.written()
    frame = pl.DataFrame({"_row_id": written, made.input: written}, schema={"_row_id": pl.String, made.input: pl.String})
    if test.of_sets:
        hashed: pl.Expr = plh.concat_str("_row_id").chash.sha2_256()
        chosen = made.sets[on].select("_row_id", made.input).drop_nulls().sort(hashed).head(test.of_sets)
        frame = pl.concat([frame, chosen])
    texts = frame[made.input]
    if isinstance(test, MinimumFunction):
        return texts, texts
    if isinstance(test, Direction):
        added = pl.lit(test.add)
        both = [pl.col(made.input), added] if test.where == "end" else [added, pl.col(made.input)]
        return texts, frame.select(pl.concat_str(both)).to_series()
    if test.noise is not None:
        changed = next(iter(noises([test.noise], made.input, texts, made.origin).values()))(frame)
    else:
        changed = replaced(texts, test.replace)
    moved = texts != changed
    if not moved.any():
        raise RecipeError(
            f"behavioural test {test.name}: its change leaves all {len(texts)} texts as they are, so there is no case",
            fix="give texts that it changes, or more `rows`",
        )
    return texts.filter(moved), changed.filter(moved)


def _try(test: Test, texts: pl.Series, changed: pl.Series, model: Predictor) -> _Outcome:
    before = model.predict(texts)
    after = before if isinstance(test, MinimumFunction) else model.predict(changed)
    if isinstance(test, Direction):
        assert before.probabilities is not None
        assert after.probabilities is not None
        at = model.classes.index(test.label)
        low, high = before.probabilities[:, at], after.probabilities[:, at]
        change = low - high if test.must_not == "fall" else high - low
        told = {"before": np.round(low, 4), "after": np.round(high, 4), "failed": change > test.tolerance}
        return _Outcome(pl.DataFrame({"text": texts, "changed": changed, **told}))
    failed = after.labels != (test.expect if isinstance(test, MinimumFunction) else before.labels)
    return _Outcome(pl.DataFrame({"text": texts, "changed": changed, "before": before.labels, "after": after.labels, "failed": failed}))


def _numbers(tests: list[Test], outcomes: list[_Outcome]) -> Mapping[str, float]:
    pairs = list(zip(tests, outcomes, strict=True))
    return {
        **{f"failures.{test.name}": outcome.rate for test, outcome in pairs},
        "tests_failed": float(sum(outcome.rate > test.allowed for test, outcome in pairs)),
        "cost": float(sum(outcome.failures * test.cost for test, outcome in pairs)),
    }


def _told(test: Test, outcome: _Outcome, seed: int) -> dict[str, Any]:
    shown = outcome.cases.filter("failed").head(_EXAMPLES).drop("failed")
    shown = shown.select("text", pl.col("after").alias("predicted")) if isinstance(test, MinimumFunction) else shown
    return {
        "test": test.name,
        "kind": test.kind,
        "seed": seed,
        "cases": outcome.cases.height,
        "failures": outcome.failures,
        "rate": round(outcome.rate, 4),
        "allowed": test.allowed,
        "passed": outcome.rate <= test.allowed,
        "cost": outcome.failures * test.cost,
        "examples": shown.to_dicts(),
    }
