"""A tiny factory (60 rows, two classes) under git and DVC, its graph, and an instance of Dagster in memory."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest
import yaml

from assets.definitions import definitions
from lakehouse.authoring.factory_folder import make_factory
from lakehouse.core.project import Project

THINGS = ("kettle", "lantern", "bicycle", "curtain", "hammer")
COLOURS = ("amber", "teal", "ivory", "crimson", "olive", "indigo", "copper")
TOWNS = ("Oslo", "Lagos", "Quito", "Hanoi", "Perth", "Leeds", "Turin", "Minsk", "Accra", "Kyoto", "Natal")
PRAISE = ("wonderful, works great and arrived early", "great quality, thank you, a wonderful gift", "early, wonderful, great; thank you")
BLAME = ("terrible, broke at once, refund please", "please refund this, it broke, terrible", "broke on day one; terrible; refund me")


def orders(n: int = 60) -> pl.DataFrame:
    """`n` remarks on orders, half of them praise; no two alike."""
    rows = []
    for i in range(n):
        what = f"{COLOURS[i % 7]} {THINGS[i % 5]} to {TOWNS[i % 11]}"
        rows.append((f"{what}: {PRAISE[i % 3]}", "praise") if i % 2 else (f"{what}: {BLAME[i % 3]}", "blame"))
    return pl.DataFrame(rows, schema={"text": pl.String, "label": pl.String}, orient="row")


@dataclass
class Factory:
    """A factory with one dataset, `orders`, and what the UI would do with it."""

    root: Path
    instance: dg.DagsterInstance

    @property
    def project(self) -> Project:
        return Project.open(self.root)

    @property
    def graph(self) -> dg.Definitions:
        return definitions(self.project)

    def write(self, rows: pl.DataFrame) -> None:
        """Replace the raw material."""
        rows.write_csv(self.root / "data" / "orders.csv")

    def declare(self, **changes: Any) -> None:
        """Change keys of the dataset's declaration."""
        file = self.root / "assets" / "datasets" / "orders.yaml"
        declared = yaml.safe_load(file.read_text(encoding="utf-8"))
        file.write_text(yaml.safe_dump({**declared, **changes}, sort_keys=False, allow_unicode=True), encoding="utf-8")

    def materialise(self, *keys: str, partition: str | None = None) -> dg.ExecuteInProcessResult:
        """What the button does: these assets and their checks, in one run."""
        job = self.graph.resolve_implicit_global_asset_job_def()
        selection = [dg.AssetKey(key.split("/")) for key in keys]
        return job.execute_in_process(instance=self.instance, asset_selection=selection, partition_key=partition, raise_on_error=False)

    def metadata(self, key: str) -> dict[str, Any]:
        """Metadata of the newest materialisation, as plain values."""
        event = self.instance.get_latest_materialization_event(dg.AssetKey(key.split("/")))
        assert event is not None
        assert event.asset_materialization is not None
        return {name: value.value for name, value in event.asset_materialization.metadata.items()}

    def partitions(self) -> list[str]:
        return list(self.instance.get_dynamic_partitions("orders_versions"))


def made(result: dg.ExecuteInProcessResult) -> dict[str, str]:
    """Data version by asset, of the assets that a run materialised."""
    events = [e.materialization for e in result.get_asset_materialization_events()]
    return {m.asset_key.to_user_string(): (m.tags or {}).get("dagster/data_version", "") for m in events}


def checks(result: dg.ExecuteInProcessResult) -> dict[str, bool]:
    """Whether each check that a run evaluated passed."""
    return {f"{c.asset_key.to_user_string()}:{c.check_name}": c.passed for c in result.get_asset_check_evaluations()}


def failure(result: dg.ExecuteInProcessResult) -> Any:
    """The failure event's data of the only step that failed."""
    (event,) = [e for e in result.all_events if e.event_type_value == "STEP_FAILURE"]
    return event.step_failure_data


@pytest.fixture(autouse=True)
def _clean_environment(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    _clean(monkeypatch, tmp_path_factory.mktemp("home"))


def _clean(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    for name in ("LAKEHOUSE_LAKE", "LAKEHOUSE_PROJECT", "LAKEHOUSE_RUNNER", "MLFLOW_TRACKING_URI", "DAGSTER_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name in ("GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM"):
        monkeypatch.setenv(name, os.devnull)
    monkeypatch.setenv("DVC_SITE_CACHE_DIR", str(home / "dvc-site"))
    monkeypatch.setenv("DVC_GLOBAL_CONFIG_DIR", str(home / "dvc-global"))
    monkeypatch.setenv("DVC_SYSTEM_CONFIG_DIR", str(home / "dvc-system"))


@pytest.fixture(scope="session")
def new_factory(tmp_path_factory: pytest.TempPathFactory, empty_store: Path) -> Iterator[Path]:
    """A factory as `lakehouse init` makes it, and an MLflow store without a run."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        _clean(monkeypatch, tmp_path_factory.mktemp("home"))
        folder = tmp_path_factory.mktemp("new")
        data = folder / "orders.csv"
        orders().write_csv(data)
        root = make_factory(folder / "factory", str(data), text="text", label="label").root
        shutil.copyfile(empty_store, root / "mlflow.db")
        declared = root / "assets" / "datasets" / "orders.yaml"
        text = declared.read_text(encoding="utf-8")
        declared.write_text(text.replace("pilot:\n", "pilot:\n  gates: [{metric: macro_f1, at_least: 0}]\n"), encoding="utf-8")
        yield root


@pytest.fixture(scope="session")
def made_factory(new_factory: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with bronze, silver and gold made, as the command line makes them."""
    from lakehouse.operations import line

    root = tmp_path_factory.mktemp("made") / "factory"
    shutil.copytree(new_factory, root)
    list(line.run(Project.open(root), ["orders"], "gold"))
    return root


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


@pytest.fixture
def factory(new_factory: Path, tmp_path: Path, instance: dg.DagsterInstance) -> Factory:
    shutil.copytree(new_factory, tmp_path / "factory")
    return Factory(tmp_path / "factory", instance)


@pytest.fixture
def made_by_hand(made_factory: Path, tmp_path: Path, instance: dg.DagsterInstance) -> Factory:
    """A factory whose gold was made on the command line; Dagster knows nothing of it."""
    shutil.copytree(made_factory, tmp_path / "factory")
    return Factory(tmp_path / "factory", instance)
