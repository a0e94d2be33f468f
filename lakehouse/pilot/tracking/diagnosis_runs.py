"""The run of a diagnosis of a version."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lakehouse.core.project import Project
from lakehouse.core.versions import Version
from lakehouse.pilot.tracking.connection import connected
from lakehouse.pilot.tracking.datasets import log_input
from lakehouse.pilot.tracking.runs import MlflowRun, description, experiment_of, log_files, version_tags


def log_diagnosis(
    project: Project, version: Version, *, key: str, params: Mapping[str, Any], metrics: Mapping[str, float], files: Mapping[str, bytes]
) -> MlflowRun:
    """Log the diagnosis of a version as one finished run named `<label> diagnosis`, in the place of any older one of that version.

    Args:
        key: identity of the diagnosis; the run carries it as the tag `factory.diagnosis`.
        files: artifacts by name.

    Raises:
        StorageError: the tracking store cannot be reached or refuses.
    """
    with connected(project) as mlflow:
        experiment = experiment_of(mlflow, project, version.dataset)
        client = mlflow.MlflowClient()
        mine = f"tags.`factory.version` = '{version.version}' and tags.`factory.diagnosis` LIKE '%'"
        for older in client.search_runs([experiment], mine):
            client.delete_run(older.info.run_id)
        tags = {**version_tags(version), "factory.diagnosis": key, **description(version)}
        with mlflow.start_run(experiment_id=experiment, run_name=f"{version.label} diagnosis", tags=tags) as run:
            log_input(
                mlflow,
                project,
                dataset=version.dataset,
                version=version.version,
                gold_version=version.gold_version,
                context="diagnosis",
            )
            mlflow.log_params({name: str(value) for name, value in params.items()})
            mlflow.log_metrics(dict(metrics))
            log_files(mlflow, run.info.run_id, files)
        return MlflowRun(run.info.run_id, experiment, project.tracking_uri)
