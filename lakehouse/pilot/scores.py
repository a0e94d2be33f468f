"""The result of an evaluation, and its form as files."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from lakehouse.pilot.models.packaged_model import PackagedModel
from lakehouse.pilot.scoring.classification import CLASSIFICATION
from lakehouse.pilot.scoring.scoring import Scoring
from lakehouse.pilot.task import scorings

_PREDICTIONS, _NUMBERS, _FILES, _MODEL, _EXAMPLE = "predictions.parquet", "scores.json", "files", "model.pkl", "example.parquet"


@dataclass(frozen=True, kw_only=True)
class Scores:
    """The result of an evaluation.

    Attributes:
        predictions: `set`, `seed`, `_row_id`, `label`, `predicted`, one row per scored row and seed. All but the seed is text, in the
            form that the scoring says.
        seconds: wall seconds of training and prediction per seed.
        notes: numbers worth keeping, such as the number of features.
        metrics: by set and name, the values over seeds of what the evaluation measured itself, beside the scores of its predictions;
            such a metric has no interval against a release.
        files: pictures and tables for the run in MLflow, by path.
        scoring: how the predictions are scored.
        steps: by name, values epoch by epoch: a curve of its own in MLflow.
        remarks: findings in sentences.
        model: the model of the first seed, for MLflow.
    """

    predictions: pl.DataFrame
    seconds: Mapping[int, float]
    notes: Mapping[str, float]
    metrics: Mapping[str, Mapping[str, Sequence[float]]] = field(default_factory=dict)
    files: Mapping[str, bytes] = field(default_factory=dict)
    scoring: Scoring = CLASSIFICATION
    steps: Mapping[str, Sequence[float]] = field(default_factory=dict)
    remarks: Sequence[str] = ()
    model: PackagedModel | None = None

    def write(self, folder: Path) -> None:
        """Write the scores as files into a folder that has none of their names."""
        self.predictions.write_parquet(folder / _PREDICTIONS)
        (folder / _FILES).mkdir()
        # Numbered: the path of a file may hold what a file system does not take.
        for at, content in enumerate(self.files.values()):
            (folder / _FILES / str(at)).write_bytes(content)
        if self.model is not None:
            (folder / _MODEL).write_bytes(self.model.pickled)
            self.model.example.write_parquet(folder / _EXAMPLE)
        numbers = {
            "seconds": {str(seed): value for seed, value in self.seconds.items()},
            "notes": dict(self.notes),
            "metrics": {on: {name: list(values) for name, values in found.items()} for on, found in self.metrics.items()},
            "files": list(self.files),
            "scoring": self.scoring.name,
            "steps": {name: list(values) for name, values in self.steps.items()},
            "remarks": list(self.remarks),
        }
        (folder / _NUMBERS).write_text(json.dumps(numbers), encoding="utf-8")

    @classmethod
    def read(cls, folder: Path) -> Scores:
        """The scores that `write` left in a folder."""
        numbers = json.loads((folder / _NUMBERS).read_text(encoding="utf-8"))
        model = folder / _MODEL
        return cls(
            predictions=pl.read_parquet(folder / _PREDICTIONS),
            seconds={int(seed): value for seed, value in numbers["seconds"].items()},
            notes=numbers["notes"],
            metrics=numbers["metrics"],
            files={name: (folder / _FILES / str(at)).read_bytes() for at, name in enumerate(numbers["files"])},
            scoring=scorings()[numbers["scoring"]],
            steps=numbers["steps"],
            remarks=numbers["remarks"],
            model=PackagedModel(model.read_bytes(), pl.read_parquet(folder / _EXAMPLE)) if model.exists() else None,
        )
