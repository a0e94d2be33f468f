"""What an evaluation is: a function from parameters to a job that scores one version, in a process of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl

from lakehouse.registry import Registry

EVALUATIONS = Registry("evaluation", "lakehouse.pilot.evaluations")
"""All evaluations by name."""


@dataclass(frozen=True)
class Data:
    """The rows an evaluation sees: `_row_id` and the contract's columns.

    Attributes:
        train: what a model may learn from.
        sets: what it is scored on: `test` (the version's own split) and `held_out` (the frozen set), those that exist.
    """

    train: pl.DataFrame
    sets: Mapping[str, pl.DataFrame]


@dataclass(frozen=True)
class Scores:
    """What an evaluation found.

    Attributes:
        predictions: `set`, `seed`, `_row_id`, `label`, `predicted`, one row per scored row and seed.
        seconds: wall seconds of training and prediction per seed.
        notes: numbers worth keeping, such as the number of features.
        metrics: by set and name, the values over seeds of what the evaluation measured itself, beside the scores of its predictions;
            such a metric has no interval against a release.
        files: pictures and tables for the run in MLflow, by path.
    """

    predictions: pl.DataFrame
    seconds: Mapping[int, float]
    notes: Mapping[str, float]
    metrics: Mapping[str, Mapping[str, Sequence[float]]] = field(default_factory=dict)
    files: Mapping[str, bytes] = field(default_factory=dict)


Job = Callable[[Data], Scores]
