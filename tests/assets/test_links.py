"""Links both ways: from a Dagster materialisation to the MLflow runs it logged and to the diagnosis, and back."""

from __future__ import annotations

import sqlite3

from lakehouse.core import versions
from lakehouse.pilot.diagnose import diagnose
from lakehouse.pilot.diagnosis.kinds import KINDS

from .conftest import Factory


def tags(factory: Factory, run_id: str) -> dict[str, str]:
    with sqlite3.connect(factory.root / "mlflow.db") as database:
        return dict(database.execute("select key, value from tags where run_uuid = ?", (run_id,)))


def test_runs_know_what_materialised_them_and_materialisations_their_runs(made_by_hand: Factory) -> None:
    assert made_by_hand.materialise("gold/orders").success
    (partition,) = made_by_hand.partitions()
    done = made_by_hand.materialise("pilot/orders", partition=partition)
    assert done.success
    version = versions.find(made_by_hand.project, "orders", "latest")
    run_id = version.evaluations["train"]["run_id"]
    known = tags(made_by_hand, run_id)
    assert known["dagster.run_id"] == done.run_id
    assert (known["dagster.asset_key"], known["dagster.partition"]) == ("pilot/orders", partition)
    shown = made_by_hand.metadata("pilot/orders")
    assert run_id in shown["train: mlflow run"]
    assert "diagnosis: mlflow run" not in shown, "there was none yet"

    found = diagnose(made_by_hand.project, "orders")
    assert "dagster.run_id" not in tags(made_by_hand, found.summary["run_id"]), "a person started it"
    assert made_by_hand.materialise("pilot/orders", partition=partition).success
    shown = made_by_hand.metadata("pilot/orders")
    assert found.summary["run_id"] in shown["diagnosis: mlflow run"]
    assert shown["diagnosis: page"] == f"lakehouse version diagnose orders --version {version.version} --page diagnosis.html"
    assert {kind: shown[f"diagnosis: {kind}"] for kind in KINDS} == dict(found.counts)
