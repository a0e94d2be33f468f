"""A factory that was moved or copied has its artifacts in its own folder."""

from __future__ import annotations

import shutil
from pathlib import Path

from lakehouse.core.project import Project
from lakehouse.pilot.tracking.connection import connected
from lakehouse.pilot.tracking.runs import experiment_of


def _factory(root: Path) -> Project:
    (root / "assets" / "datasets").mkdir(parents=True)
    return Project.open(root)


def test_a_copy_writes_into_its_own_folder_and_reads_what_it_took_along(tmp_path: Path) -> None:
    first = _factory(tmp_path / "first one")
    with connected(first) as mlflow:
        mlflow.set_experiment(experiment_id=experiment_of(mlflow, first, "notes"))
        with mlflow.start_run() as run:
            mlflow.log_text("kept", "note.txt")
    shutil.copytree(first.root, tmp_path / "second")
    shutil.rmtree(first.root)

    second = Project.open(tmp_path / "second")
    with connected(second) as mlflow:
        again = mlflow.get_run(run.info.run_id)
        assert str(second.root) in again.info.artifact_uri
        assert mlflow.artifacts.load_text(f"{again.info.artifact_uri}/note.txt") == "kept"
        mlflow.set_experiment(experiment_id=experiment_of(mlflow, second, "notes"))
        with mlflow.start_run():
            mlflow.log_text("new", "other.txt")
    assert not first.root.exists(), "nothing is written where the factory was"
    assert len(list((second.root / "mlruns").rglob("*.txt"))) == 2


def test_a_store_that_is_not_the_factorys_own_is_left_alone(tmp_path: Path) -> None:
    project = _factory(tmp_path / "here")
    with connected(project) as mlflow:
        experiment_of(mlflow, project, "notes")
    before = (project.root / "mlflow.db").read_bytes()
    (project.root / "lakehouse.yaml").write_text(f"tracking_uri: sqlite:///{tmp_path / 'else.db'}\n")
    with connected(Project.open(project.root)) as mlflow:
        mlflow.search_experiments()
    assert (project.root / "mlflow.db").read_bytes() == before
