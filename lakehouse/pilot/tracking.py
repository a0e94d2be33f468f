"""MLflow: an experiment a dataset, a run per version and evaluation, the version a logged input. Only this file imports mlflow."""

from __future__ import annotations

import json
import logging
import os
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lakehouse.core.errors import StorageError
from lakehouse.core.project import Project
from lakehouse.core.versions import Version
from lakehouse.pilot import nested
from lakehouse.pilot.evaluation import Fitted
from lakehouse.pilot.scoring.tasks import SCORINGS

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
class Run:
    """A finished MLflow run."""

    run_id: str
    experiment_id: str
    uri: str

    @property
    def page(self) -> str:
        """Path of the run's page below the address of an MLflow server."""
        return f"/#/experiments/{self.experiment_id}/runs/{self.run_id}"


@contextmanager
def connected(project: Project) -> Iterator[Any]:
    """MLflow pointed at the project's store, its own chatter off; the caller's store is put back afterwards."""
    import warnings

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


def _refused(said: str, uri: str) -> StorageError:
    """The error for what MLflow said, passwords in addresses left out."""
    without = re.compile(r"(?<=://)[^/@\s]*@")
    said = without.sub("", said.strip().splitlines()[0])
    cause = re.search(r"Max retries exceeded.*Caused by (\w+)", said)
    what = f"the MLflow server does not answer ({cause[1]})" if cause else f"MLflow refused: {said}"
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


def experiment_of(mlflow: Any, project: Project, name: str) -> str:
    """Id of a dataset's experiment, which is made where there is none."""
    found = mlflow.get_experiment_by_name(name)
    if found is not None:
        return str(found.experiment_id)
    # With a local database, artifacts lie in the project folder; a server has its own place for them.
    local = (project.root / "mlruns" / name).as_uri() if project.tracking_uri.startswith("sqlite:") else None
    return str(mlflow.create_experiment(name, artifact_location=local))


def _runs_of(client: Any, version: Version) -> set[str]:
    """Ids of the runs that the store holds of a version."""
    experiment = client.get_experiment_by_name(version.dataset)
    of_version = f"tags.`factory.version` = '{version.version}'"
    return {run.info.run_id for run in client.search_runs([experiment.experiment_id], of_version)} if experiment else set()


def log_files(mlflow: Any, run_id: str, files: Mapping[str, bytes]) -> None:
    """Put files, by path, among the artifacts of a run."""
    with tempfile.TemporaryDirectory() as folder:
        for name, content in files.items():
            path = Path(folder, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        mlflow.log_artifacts(folder, run_id=run_id)


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
    task: str = "classification",
    steps: Mapping[str, Sequence[float]] | None = None,
    said: Sequence[str] = (),
    model: Fitted | None = None,
) -> Run:
    """Log one evaluation of one version as one finished run; the same evaluation again replaces what a killed run left.

    Below it stands a run of each seed (tag `mlflow.parentRunId`) with the seed's scores, where there are several.

    Args:
        key: identity of the evaluation; a run, those of its seeds and its model carry it as the tag `factory.key`.
        task: how predictions are scored, a name of SCORINGS; the tag `factory.task`, with `factory.metric` for its main metric.
        steps: values epoch by epoch.
        said: findings in sentences, the run's description.
        metrics: per set and metric `mean`, `std`, `values` (per seed); resources as plain numbers under `resources`.
        files: artifacts by path.

    Raises:
        StorageError: the tracking store cannot be reached or refuses.
    """
    with connected(project) as mlflow:
        from mlflow.data.delta_dataset_source import DeltaDatasetSource
        from mlflow.data.meta_dataset import MetaDataset

        experiment = experiment_of(mlflow, project, version.dataset)
        client = mlflow.MlflowClient()
        nested.forget(client, experiment, key)
        tags = {
            "factory.dataset": version.dataset,
            "factory.version": version.version,
            "factory.label": version.label,
            "factory.evaluation": evaluation,
            "factory.key": key,
            "factory.plan_id": version.plan_id,
            "factory.content_id": version.content_id,
            "factory.task": task,
            "factory.metric": SCORINGS[task].main,
            "factory.kind": "evaluation",
            **made_by_tags(),
        }
        if said:
            tags["mlflow.note.content"] = "\n\n".join(said)
        with mlflow.start_run(experiment_id=experiment, run_name=f"{version.label} {evaluation}", tags=tags) as run:
            source = DeltaDatasetSource(path=project.table("gold", version.dataset).uri, delta_table_version=version.gold_version)
            mlflow.log_input(MetaDataset(source, name=version.dataset, digest=version.version), context="training")
            if held_out is not None:
                frozen = DeltaDatasetSource(
                    path=project.table("gold", held_out["dataset"]).uri, delta_table_version=int(held_out["delta_version"])
                )
                mlflow.log_input(MetaDataset(frozen, name=held_out["dataset"], digest=held_out["version"]), context="held_out")
            mlflow.log_params({name: str(value) for name, value in params.items()})
            mlflow.log_metrics({name: float(value) for name, value in _means(metrics).items()})
            per_seed = _values(metrics, SCORINGS[task].headline)
            for name, values in per_seed.items():
                for step, value in enumerate(values):
                    mlflow.log_metric(f"{name}.per_seed", value, step=step)
            nested.log_steps(mlflow, run.info.run_id, steps or {})
            nested.log_seeds(client, experiment, run, params.get("seeds"), per_seed)
            if model is not None:
                nested.log_model(mlflow, model, key)
            log_files(mlflow, run.info.run_id, files)
        return Run(run.info.run_id, experiment, project.tracking_uri)


def log_diagnosis(
    project: Project, version: Version, *, key: str, params: Mapping[str, Any], metrics: Mapping[str, float], files: Mapping[str, bytes]
) -> Run:
    """Log the diagnosis of a version as one finished run named `<label> diagnosis`, in the place of any older one of that version.

    Args:
        key: identity of the diagnosis; the run carries it as the tag `factory.diagnosis`.
        files: artifacts by name.

    Raises:
        StorageError: the tracking store cannot be reached or refuses.
    """
    with connected(project) as mlflow:
        from mlflow.data.delta_dataset_source import DeltaDatasetSource
        from mlflow.data.meta_dataset import MetaDataset

        experiment = experiment_of(mlflow, project, version.dataset)
        client = mlflow.MlflowClient()
        mine = f"tags.`factory.version` = '{version.version}' and tags.`factory.diagnosis` LIKE '%'"
        for older in client.search_runs([experiment], mine):
            client.delete_run(older.info.run_id)
        tags = {"factory.dataset": version.dataset, "factory.version": version.version, "factory.label": version.label, **made_by_tags()}
        with mlflow.start_run(
            experiment_id=experiment, run_name=f"{version.label} diagnosis", tags={**tags, "factory.diagnosis": key}
        ) as run:
            source = DeltaDatasetSource(path=project.table("gold", version.dataset).uri, delta_table_version=version.gold_version)
            mlflow.log_input(MetaDataset(source, name=version.dataset, digest=version.version), context="diagnosis")
            mlflow.log_params({name: str(value) for name, value in params.items()})
            mlflow.log_metrics(dict(metrics))
            log_files(mlflow, run.info.run_id, files)
        return Run(run.info.run_id, experiment, project.tracking_uri)


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
        return Run(run_id, found.info.experiment_id, project.tracking_uri).page


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
        held = _runs_of(client, version)
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
        if run_id not in _runs_of(client, version):
            return
        for metric in dict.fromkeys(t["metric"] for t in outcomes):
            passed = all(t["passed"] for t in outcomes if t["metric"] == metric)
            client.set_tag(run_id, metric_name(f"factory.selftest.{metric}"), "passed" if passed else "failed")
        numbers = json.dumps(outcomes, ensure_ascii=False, indent=1).encode()
        log_files(mlflow, run_id, {"selftest/selftest.json": numbers, "selftest/selftest.png": picture})


def metric_name(name: str) -> str:
    """`name` as MLflow takes it: letters of any script, digits, `_`, `-`, `.`, `:`, `/` and blanks; others as `u<code point>`."""
    return re.sub(r"[^\w\-. :/]", lambda found: f"u{ord(found[0]):x}", name)


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
