"""Grades in MLflow: tags and metrics of a version's grade, downgrade and retirement on the runs of its evaluations."""

from __future__ import annotations

import re
from pathlib import Path

from lakehouse.core.errors import StorageError
from lakehouse.core.project import Project
from lakehouse.core.versions import Version
from lakehouse.pilot.tracking.connection import connected
from lakehouse.pilot.tracking.runs import metric_name, runs_of


def track_grade(project: Project, version: Version) -> str | None:
    """Put the grade of a version on the runs of its evaluations, and whether it was lowered or retired.

    Tags `factory.grade`, `factory.downgraded`, `factory.retired`; a metric `grade.<indicator>` for each that was measured. The register
    holds it all the same: where the store does not answer, a sentence is returned.
    """
    runs = [str(result["run_id"]) for result in version.evaluations.values() if result.get("run_id")]
    local = re.match(r"sqlite:///(.+)", project.tracking_uri)
    if not runs or (local and not Path(local[1]).exists()):
        return None
    tags = {
        "factory.grade": version.grade,
        "factory.downgraded": (version.downgraded or {}).get("reason"),
        "factory.retired": (version.retired or {}).get("reason"),
    }
    measured = {metric_name(f"grade.{each['name']}"): each["value"] for each in (version.graded or {}).get("indicators", [])}
    try:
        with connected(project) as mlflow:
            client = mlflow.MlflowClient()
            for run in (each for run_id, each in runs_of(client, version).items() if run_id in runs):
                for name, value in tags.items():
                    if value is not None:
                        client.set_tag(run.info.run_id, name, value)
                    elif name in run.data.tags:
                        client.delete_tag(run.info.run_id, name)
                for name, value in measured.items():
                    if value is not None and run.data.metrics.get(name) != value:
                        client.log_metric(run.info.run_id, name, value)
    except StorageError as error:
        return f"MLflow does not have the grade: {error.what}"
    return None
