"""The server of MLflow's pages over the tracking database of a project."""

from __future__ import annotations

import sys

from lakehouse.core.project import Project
from lakehouse.pilot.tracking.moved import follow

_QUIET = ["--uvicorn-opts", "--log-level warning --no-access-log"]


def command(host: str, port: int) -> list[str]:
    """The command that serves them, in one process: a person looks at them, and the pilot writes to the database itself."""
    return [sys.executable, "-m", "mlflow", "server", "--host", host, "--port", str(port), "--workers", "1", *_QUIET]


def environment(project: Project) -> dict[str, str]:
    """What the command reads from its environment; a database's password stands there and not in the list of processes."""
    follow(project)
    return {
        "MLFLOW_BACKEND_STORE_URI": project.tracking_uri,
        "MLFLOW_REGISTRY_STORE_URI": project.tracking_uri,
        "MLFLOW_DEFAULT_ARTIFACT_ROOT": (project.root / "mlruns").as_uri(),
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",  # of evaluations that MLflow would run itself, in processes of their own
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "DO_NOT_TRACK": "true",
        "MLFLOW_LOGGING_LEVEL": "WARNING",
        "PYTHONWARNINGS": "ignore",  # of the packages that MLflow's server stands on
    }
