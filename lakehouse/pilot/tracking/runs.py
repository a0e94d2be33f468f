"""Runs of a project's tracking store: their experiment, tags, files and pages."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lakehouse.core import addresses
from lakehouse.core.project import Project
from lakehouse.core.versions import Version
from lakehouse.pilot.tracking.connection import connected

_KIND = {"mlflow.experimentKind": "custom_model_development"}
"""What kind of experiment it is, for versions of MLflow that ask the experiment; the others ask the address (`addresses.mlflow_page`)."""
_MADE_BY: ContextVar[Mapping[str, str]] = ContextVar("_MADE_BY", default={})  # noqa: B039 - never changed


@contextmanager
def made_by(tags: Mapping[str, str]) -> Iterator[None]:
    """Runs that are logged in here carry these tags: what started them, such as `dagster.run_id`."""
    token = _MADE_BY.set(dict(tags))
    try:
        yield
    finally:
        _MADE_BY.reset(token)


def made_by_tags() -> dict[str, str]:
    """The tags of what started the work that is being logged; none where a person did."""
    return dict(_MADE_BY.get())


@dataclass(frozen=True)
class MlflowRun:
    """A finished MLflow run."""

    run_id: str
    experiment_id: str
    uri: str

    @property
    def page(self) -> str:
        """Path of the run's page below the address of an MLflow server."""
        return f"/#/experiments/{self.experiment_id}/runs/{self.run_id}"


def experiment_of(mlflow: Any, project: Project, name: str) -> str:
    """Id of a dataset's experiment, which is made where there is none."""
    found = mlflow.get_experiment_by_name(name)
    if found is None:
        # With a local database, artifacts lie in the project folder; a server has its own place for them.
        local = (project.root / "mlruns" / name).as_uri() if project.tracking_uri.startswith("sqlite:") else None
        return str(mlflow.create_experiment(name, artifact_location=local, tags=_KIND))
    if not found.tags.keys() & _KIND.keys():
        mlflow.MlflowClient().set_experiment_tag(found.experiment_id, *next(iter(_KIND.items())))
    return str(found.experiment_id)


def description(version: Version, remarks: Sequence[str] = ()) -> dict[str, str]:
    """The tag that MLflow shows as a run's description: which version it is of, its asset in Dagster, and remarks."""
    name = version.dataset
    of = f"{name} {version.label} ({version.version}), in Dagster: [pilot/{name}]({addresses.dagster()}/assets/pilot/{name})"
    return {"mlflow.note.content": "\n\n".join([of, *remarks])}


def runs_of(client: Any, version: Version) -> dict[str, Any]:
    """The runs that the store holds of a version, by id."""
    experiment = client.get_experiment_by_name(version.dataset)
    of_version = f"tags.`factory.version` = '{version.version}'"
    found = client.search_runs([experiment.experiment_id], of_version) if experiment else []
    return {run.info.run_id: run for run in found}


def log_files(mlflow: Any, run_id: str, files: Mapping[str, bytes]) -> None:
    """Put files, by path, among the artifacts of a run."""
    with tempfile.TemporaryDirectory() as folder:
        for name, content in files.items():
            path = Path(folder, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        mlflow.log_artifacts(folder, run_id=run_id)


def version_tags(version: Version) -> dict[str, str]:
    """The tags of every run of a version: the version, and what started the work that is being logged."""
    return {"factory.dataset": version.dataset, "factory.version": version.version, "factory.label": version.label, **made_by_tags()}


def page(project: Project, run_id: str) -> str | None:
    """Path of a run's page below the address of an MLflow server; None where the store holds no such run.

    Raises:
        StorageError: the tracking store cannot be reached or refuses.
    """
    with connected(project) as mlflow:
        try:
            found = mlflow.MlflowClient().get_run(run_id)
        except mlflow.exceptions.MlflowException as error:
            if error.error_code == "RESOURCE_DOES_NOT_EXIST":
                return None
            raise
        return MlflowRun(run_id, found.info.experiment_id, project.tracking_uri).page


def artifact(project: Project, run_id: str, name: str) -> bytes | None:
    """A file of a run; None where the store holds no such run, or the run no such file.

    Raises:
        StorageError: the tracking store cannot be reached or refuses.
    """
    with connected(project) as mlflow, tempfile.TemporaryDirectory() as folder:
        client = mlflow.MlflowClient()
        try:
            known = {file.path for file in client.list_artifacts(run_id)}
        except mlflow.exceptions.MlflowException as error:
            if error.error_code == "RESOURCE_DOES_NOT_EXIST":
                return None
            raise
        return Path(client.download_artifacts(run_id, name, folder)).read_bytes() if name in known else None


def log_gates(project: Project, version: Version, run_ids: list[str], verdicts: list[dict[str, Any]], *, passed: bool) -> list[str]:
    """Put the gates' outcome beside the metrics: the tag `factory.gates` and one tag a gate on every run of the version.

    Returns:
        The runs that the store does not hold, deleted or logged in another store: the register has their verdicts all the same.
    """
    with connected(project) as mlflow:
        client = mlflow.MlflowClient()
        held = runs_of(client, version)
        for run_id in (r for r in run_ids if r in held):
            client.set_tag(run_id, "factory.gates", "passed" if passed else "failed")
            for number, verdict in enumerate(verdicts, start=1):
                client.set_tag(run_id, f"factory.gate.{number}", f"{verdict['gate']}: {verdict['verdict']} ({verdict['reason']})")
        return [run_id for run_id in run_ids if run_id not in held]


def log_selftest(project: Project, version: Version, run_id: str, outcomes: list[dict[str, Any]], picture: bytes) -> None:
    """Put the self-test beside the metrics of a run: tags `factory.selftest.<metric>`, the numbers and their picture.

    A run that the store does not hold stays without: the table of self-tests has them all the same.
    """
    with connected(project) as mlflow:
        client = mlflow.MlflowClient()
        if run_id not in runs_of(client, version):
            return
        for metric in dict.fromkeys(t["metric"] for t in outcomes):
            passed = all(t["passed"] for t in outcomes if t["metric"] == metric)
            client.set_tag(run_id, metric_name(f"factory.selftest.{metric}"), "passed" if passed else "failed")
        numbers = json.dumps(outcomes, ensure_ascii=False, indent=1).encode()
        log_files(mlflow, run_id, {"selftest/selftest.json": numbers, "selftest/selftest.png": picture})


def metric_name(name: str) -> str:
    """`name` as MLflow takes it: letters of any script, digits, `_`, `-`, `.`, `:`, `/` and spaces; others as `u<code point>`."""
    return re.sub(r"[^\w\-. :/]", lambda found: f"u{ord(found[0]):x}", name)
