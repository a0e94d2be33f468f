"""A run of each seed below the run of an evaluation, and series of values by epoch. MLflow and its client are given."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any


def forget(client: Any, experiment: str, key: str) -> None:
    """Delete the runs and models, registered ones too, that an evaluation left before, mostly in a killed run."""
    mine = f"tags.`factory.key` = '{key}'"
    for left in client.search_runs([experiment], mine):
        client.delete_run(left.info.run_id)
    for model in client.search_logged_models([experiment], filter_string=mine):
        client.delete_logged_model(model.model_id)
    for model in client.search_model_versions(mine):
        client.delete_model_version(model.name, model.version)


def log_seeds(client: Any, experiment: str, parent: Any, seeds: Sequence[int] | None, per_seed: Mapping[str, Sequence[float]]) -> None:
    """A finished run of each seed below `parent`, with the seed's values; none where there is one seed, or the values are not of seeds."""
    if not seeds or len(seeds) < 2:
        return
    own = {name: value for name, value in parent.data.tags.items() if name.startswith("factory.")}
    for at, seed in enumerate(seeds):
        values = {name: found[at] for name, found in per_seed.items() if len(found) == len(seeds)}
        if not values:
            return
        tags = {**own, "factory.kind": "seed", "factory.seed": str(seed), "mlflow.parentRunId": parent.info.run_id}
        child = client.create_run(experiment, tags=tags, run_name=f"{parent.info.run_name} seed {seed}").info.run_id
        client.log_param(child, "seed", seed)
        for name, value in values.items():
            client.log_metric(child, name, value)
        client.set_terminated(child)


def log_steps(mlflow: Any, run_id: str, steps: Mapping[str, Sequence[float]]) -> None:
    """Each series as one metric of the run, a step an epoch from 1 on."""
    now = int(time.time() * 1000)
    found = [
        mlflow.entities.Metric(name, float(value), now, step)
        for name, values in steps.items()
        for step, value in enumerate(values, start=1)
    ]
    for start in range(0, len(found), 1000):  # MLflow takes a thousand at once
        mlflow.MlflowClient().log_batch(run_id, found[start : start + 1000])
