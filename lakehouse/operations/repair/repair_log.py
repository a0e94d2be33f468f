"""A repair in MLflow: one run with its rounds, what they changed and their verdicts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from lakehouse.core.plotting import BLUE, GREY, INK, RED, figure, plain, png
from lakehouse.core.project import Project
from lakehouse.core.versions import Version
from lakehouse.pilot.tracking.connection import connected
from lakehouse.pilot.tracking.runs import experiment_of, log_files, made_by_tags


def log_repair(project: Project, version: Version, rounds: Sequence[dict[str, Any]]) -> str:
    """Log the rounds of a repair that ended at `version`; returns the run's id.

    Args:
        rounds: as plain data: `tickets`, `before`, `after`, `relabelled`, `dropped`, `verdict`, `kept`, `metric`, `old`, `new`, `low`,
            `high`.

    Raises:
        StorageError: the tracking store cannot be reached or refuses.
    """
    with connected(project) as mlflow:
        experiment = experiment_of(mlflow, project, version.dataset)
        tags = {"factory.dataset": version.dataset, "factory.version": version.version, "factory.label": version.label}
        tags |= {
            "factory.repair": rounds[-1]["verdict"],
            "factory.tickets": ",".join(t for each in rounds for t in each["tickets"]),
            **made_by_tags(),
        }
        with mlflow.start_run(experiment_id=experiment, run_name=f"{version.label} repair", tags=tags) as run:
            for step, each in enumerate(rounds):
                numbers = {name: each[name] for name in ("relabelled", "dropped", "old", "new", "low", "high") if each[name] is not None}
                mlflow.log_metrics({f"repair.{name}": float(value) for name, value in numbers.items()}, step=step)
            text = json.dumps(list(rounds), ensure_ascii=False, indent=1).encode()
            log_files(mlflow, run.info.run_id, {"repair.json": text, "repair.png": rounds_picture(rounds, f"{version.dataset}: repair")})
        return str(run.info.run_id)


def rounds_picture(rounds: Sequence[dict[str, Any]], title: str) -> bytes:
    """PNG of what each round gained on the held-out set with its 95 % interval; red where the decisions were taken back."""
    made, axes = figure(6.5, max(2.0, 0.5 * len(rounds) + 1.2))
    names = [plain(f"{at}: {each['relabelled']} relabelled, {each['dropped']} dropped") for at, each in enumerate(rounds, start=1)]
    at = np.arange(len(rounds))
    known = [each if each["new"] is not None else {**each, "old": 0.0, "new": 0.0, "low": 0.0, "high": 0.0} for each in rounds]
    axes.barh(at, [each["new"] - each["old"] for each in known], color=[BLUE if each["kept"] else RED for each in rounds])
    axes.hlines(at, [each["low"] for each in known], [each["high"] for each in known], color=INK)
    axes.set_yticks(at, names)
    axes.invert_yaxis()
    axes.axvline(0, color=GREY)
    axes.set_xlabel(f"change of {plain(rounds[0]['metric'])} on the held-out set, 95 % interval")
    axes.set_title(plain(title), fontsize=10)
    return png(made)
