"""The connection to the tracking store of a project."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lakehouse.core.errors import StorageError
from lakehouse.core.project import Project
from lakehouse.pilot.tracking.moved import follow


@contextmanager
def connected(project: Project) -> Iterator[Any]:
    """MLflow pointed at the project's store, its own chatter off; the caller's store is put back afterwards."""
    import warnings

    follow(project)
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("DO_NOT_TRACK", "true")
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    # MLflow's own default, seven retries with doubling waits, keeps a run hanging for minutes before a server counts as away.
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "30")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of mlflow's own imports and store set-up; nothing of ours runs in here
        import mlflow

        logging.getLogger("alembic").setLevel(logging.WARNING)
        logging.getLogger("mlflow").setLevel(logging.ERROR)
        before = mlflow.get_tracking_uri() if mlflow.is_tracking_uri_set() else None
        environment = os.environ.get("MLFLOW_TRACKING_URI")
        mlflow.set_tracking_uri(project.tracking_uri)
        try:
            yield mlflow
        except mlflow.exceptions.MlflowException as error:
            raise _refused(str(error), project.tracking_uri) from error
        finally:
            mlflow.set_tracking_uri(before)
            # MLflow also writes the environment, where a project opened next would read it as the user's choice.
            os.environ.pop("MLFLOW_TRACKING_URI", None)
            if environment is not None:
                os.environ["MLFLOW_TRACKING_URI"] = environment


def _refused(message: str, uri: str) -> StorageError:
    """The error for a message of MLflow, passwords in addresses left out."""
    without = re.compile(r"(?<=://)[^/@\s]*@")
    message = without.sub("", message.strip().splitlines()[0])
    cause = re.search(r"Max retries exceeded.*Caused by (\w+)", message)
    what = f"the MLflow server does not answer ({cause[1]})" if cause else f"MLflow refused: {message}"
    return StorageError(what, where=without.sub("", uri), fix="check the server, or MLFLOW_TRACKING_URI")


def reachable(project: Project) -> None:
    """Ask the tracking store for one answer, so that no evaluation spends hours on what could not be logged.

    Raises:
        StorageError: it does not answer within seconds, or is no store that MLflow can use.
    """
    with connected(project) as mlflow:
        if re.match(r"(postgresql|mysql|mssql|sqlite)\b", project.tracking_uri):
            _connect(project.tracking_uri)
        patient = {name: os.environ[name] for name in ("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "MLFLOW_HTTP_REQUEST_TIMEOUT")}
        os.environ.update({"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1", "MLFLOW_HTTP_REQUEST_TIMEOUT": "10"})
        try:
            mlflow.MlflowClient().search_experiments(max_results=1)
        finally:
            os.environ.update(patient)


def _connect(uri: str) -> None:
    """Connect to a database once: MLflow itself retries for most of an hour, whatever is wrong."""
    import sqlalchemy
    from sqlalchemy.exc import SQLAlchemyError

    path = sqlalchemy.make_url(uri).database or ""
    if uri.startswith("sqlite:") and not Path(path).exists():
        return  # MLflow makes it
    try:
        engine = sqlalchemy.create_engine(uri)
        try:
            sqlalchemy.inspect(engine).get_table_names()
        finally:
            engine.dispose()
    except (SQLAlchemyError, ImportError, OSError) as error:
        raise _refused(f"{type(error).__name__}: {error}", uri) from error
