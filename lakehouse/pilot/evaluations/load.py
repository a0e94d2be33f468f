"""How fast a model answers, and how many at a time it bears."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import asdict
from typing import Annotated

import polars as pl
from pydantic import Field

from lakehouse.core.errors import EndpointError
from lakehouse.pilot.evaluation import EVALUATIONS, Data, Job
from lakehouse.pilot.inference.classifiers import NO_PREDICTIONS, EndpointPredictor, Predictor, PreparedModels, prepared_models
from lakehouse.pilot.inference.closed_loop import Call, LoadStep, loop
from lakehouse.pilot.inference.connection import Connection
from lakehouse.pilot.inference.endpoint_classifier import EndpointSettings
from lakehouse.pilot.inference.pictures import load_picture
from lakehouse.pilot.parameters import Analyzer, Ngrams, Positive, Seeds
from lakehouse.pilot.scores import Scores


@EVALUATIONS.register(version=1)
def load(
    *,
    input: str,
    label: str,
    workers: Annotated[list[Annotated[int, Field(ge=1, le=256)]], Field(min_length=1)] = [1, 2, 4, 8, 16, 32],  # noqa: B006 - read, never changed
    seconds: Annotated[float, Field(gt=0)] = 2.0,
    endpoint: EndpointSettings | None = None,
    seeds: Seeds = [1],  # noqa: B006
    analyzer: Analyzer = "word",
    ngrams: Ngrams = [1, 1],  # noqa: B006
    max_features: Positive = 300_000,
    epochs: Positive = 20,
) -> Job:
    """Put the model under load: 1, 2, 4, ... workers in a closed loop, each of which sends the next text when it has its answer.

    Each step lasts `seconds`. Texts are those of the first set, one a request, in turn. The baseline, of the first seed, is called by
    threads of one process; with an endpoint each worker has a connection of its own, sends for real, however often the same was asked, and
    tries nothing again; what is no answer is an error. A first request, before the clock starts, must be answered. A closed loop does not
    show the queue that requests which come by themselves would form (Schroeder, Wierman and Harchol-Balter 2006).

    Metrics, the same under every set, for `n` workers: `p50_ms.w<n>`, `p95_ms.w<n>`, `p99_ms.w<n>` (answered requests), `per_second.w<n>`,
    `error_share.w<n>`, `memory_mb.w<n>` (the most resident memory of the process that sends; of the model itself for the baseline), and
    `best_per_second`. What an endpoint's machine needs is not seen from here. The numbers are of the machine they were measured on,
    and are not measured again while version and parameters stay.

    Example:
        `{load: {input: text, label: label, workers: [1, 8], endpoint: {url: "http://127.0.0.1:8080/v1", model: qwen2.5-7b-instruct}}}`
    """

    def job(data: Data) -> Scores:
        made = prepared_models(
            "load", data, input=input, label=label, seeds=seeds[:1], analyzer=analyzer, ngrams=ngrams, max_features=max_features,
            epochs=epochs, endpoint=endpoint,
        )  # fmt: skip
        worker = _worker(made, endpoint)
        steps = [loop(worker, n, seconds) for n in sorted(set(workers))]
        table = pl.DataFrame([asdict(step) for step in steps])
        found = _metrics(steps)
        files = {
            "load.csv": table.write_csv().encode(),
            "load.png": load_picture(table, f"closed loop, {seconds:g} s a step: at most {found['best_per_second'][0]:,.0f} a second"),
        }
        metrics = dict.fromkeys(made.sets, found)
        none = pl.DataFrame(schema=NO_PREDICTIONS)
        return Scores(predictions=none, seconds=made.seconds, notes=made.notes, metrics=metrics, files=files)

    return job


def _metrics(steps: list[LoadStep]) -> dict[str, list[float]]:
    found = {"best_per_second": [max(step.per_second for step in steps)]}
    for step in steps:
        for name, value in asdict(step).items():
            if name not in ("workers", "requests") and not math.isnan(value):
                found[f"{name}.w{step.workers}"] = [value]
    return found


def _worker(made: PreparedModels, declared: EndpointSettings | None) -> Callable[[], AbstractContextManager[Call]]:
    """What opens the call of one thread, tried once."""
    texts = next(iter(made.sets.values()))[made.input].fill_null("")
    (model,) = made.models.values()
    if declared is None or not isinstance(model, EndpointPredictor):
        parts = [texts.slice(at, 1) for at in range(len(texts))]
        _answers(model, parts[0])
        return lambda: nullcontext(lambda number: _answers(model, parts[number % len(parts)]))
    requests = model.asked.requests(texts).to_list()

    def connect() -> Connection:
        return Connection(declared["url"], declared.get("key_env"), declared.get("timeout", 60.0))

    with connect() as first:
        if (error := first.error_of(requests[0])) is not None:
            raise EndpointError(f"{declared['url']} does not answer: {error}", fix="look at the server, `model` and `key_env`")

    @contextmanager
    def worker() -> Iterator[Call]:
        with connect() as mine:
            yield lambda number: mine.error_of(requests[number % len(requests)]) is None

    return worker


def _answers(model: Predictor, texts: pl.Series) -> bool:
    return len(model.predict(texts).labels) == 1
