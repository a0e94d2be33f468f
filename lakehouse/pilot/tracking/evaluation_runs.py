"""The run of an evaluation of a version, with its seeds, its model and its files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lakehouse.core.project import Project
from lakehouse.core.versions import Version
from lakehouse.pilot.models.packaged_model import PackagedModel
from lakehouse.pilot.scoring.classification import CLASSIFICATION
from lakehouse.pilot.scoring.scoring import Scoring
from lakehouse.pilot.tracking.child_runs import forget, log_seeds, log_steps
from lakehouse.pilot.tracking.connection import connected
from lakehouse.pilot.tracking.datasets import log_input
from lakehouse.pilot.tracking.logged_models import log_model
from lakehouse.pilot.tracking.runs import MlflowRun, description, experiment_of, log_files, metric_name, version_tags


def log_evaluation(
    project: Project,
    version: Version,
    *,
    evaluation: str,
    key: str,
    params: Mapping[str, Any],
    metrics: Mapping[str, Mapping[str, Any]],
    held_out: Mapping[str, str] | None,
    files: Mapping[str, bytes],
    scoring: Scoring = CLASSIFICATION,
    steps: Mapping[str, Sequence[float]] | None = None,
    remarks: Sequence[str] = (),
    model: PackagedModel | None = None,
) -> MlflowRun:
    """Log one evaluation of one version as one finished run; the same evaluation again replaces what a killed run left.

    Below it stands a run of each seed (tag `mlflow.parentRunId`) with the seed's scores, where there are several.

    Args:
        key: identity of the evaluation; a run, those of its seeds and its model carry it as the tag `factory.key`.
        scoring: of the predictions; its name is the tag `factory.task`, its main metric `factory.metric`.
        steps: values epoch by epoch.
        remarks: findings in sentences, in the run's description.
        metrics: per set and metric `mean`, `std`, `values` (per seed); resources as plain numbers under `resources`.
        files: artifacts by path.

    Raises:
        StorageError: the tracking store cannot be reached or refuses.
    """
    with connected(project) as mlflow:
        experiment = experiment_of(mlflow, project, version.dataset)
        client = mlflow.MlflowClient()
        forget(client, experiment, key)
        tags = {
            **version_tags(version),
            "factory.evaluation": evaluation,
            "factory.key": key,
            "factory.plan_id": version.plan_id,
            "factory.content_id": version.content_id,
            "factory.task": scoring.name,
            "factory.metric": scoring.main,
            "factory.kind": "evaluation",
            **description(version, remarks),
        }
        with mlflow.start_run(experiment_id=experiment, run_name=f"{version.label} {evaluation}", tags=tags) as run:
            log_input(
                mlflow,
                project,
                dataset=version.dataset,
                version=version.version,
                gold_version=version.gold_version,
                context="training",
            )
            if held_out is not None:
                log_input(
                    mlflow,
                    project,
                    dataset=held_out["dataset"],
                    version=held_out["version"],
                    gold_version=int(held_out["delta_version"]),
                    context="held_out",
                )
            mlflow.log_params({name: str(value) for name, value in params.items()})
            mlflow.log_metrics({name: float(value) for name, value in _means(metrics).items()})
            per_seed = _values(metrics, scoring.headline)
            for name, values in per_seed.items():
                for step, value in enumerate(values):
                    mlflow.log_metric(f"{name}.per_seed", value, step=step)
            log_steps(mlflow, run.info.run_id, steps or {})
            log_seeds(client, experiment, run, params.get("seeds"), per_seed)
            if model is not None:
                log_model(mlflow, model, version, evaluation, key)
            log_files(mlflow, run.info.run_id, files)
        return MlflowRun(run.info.run_id, experiment, project.tracking_uri)


def _means(metrics: Mapping[str, Mapping[str, Any]]) -> dict[str, float]:
    flat: dict[str, float] = {}
    for set_name, found in metrics.items():
        for name, value in found.items():
            if isinstance(value, Mapping):
                flat[metric_name(f"{set_name}.{name}")] = value["mean"]
                flat[metric_name(f"{set_name}.{name}.std")] = value["std"]
            else:
                flat[metric_name(f"{set_name}.{name}")] = value
    return flat


def _values(metrics: Mapping[str, Mapping[str, Any]], names: Sequence[str]) -> dict[str, list[float]]:
    return {
        f"{set_name}.{name}": value["values"]
        for set_name, found in metrics.items()
        for name, value in found.items()
        if isinstance(value, Mapping) and name in names
    }
