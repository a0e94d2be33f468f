"""`lakehouse ui` as a user runs it: a real `dagster dev`, its runs in processes of their own."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lakehouse.core import versions
from lakehouse.core.project import Project

from .dev_server import Dagster, dagster_dev, members

pytestmark = pytest.mark.slow
LINE = ("bronze/orders_raw", "silver/orders", "gold/orders")


@pytest.fixture(scope="module")
def root(new_factory: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("ui") / "factory"
    shutil.copytree(new_factory, root)
    return root


@pytest.fixture(scope="module")
def dagster(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dagster]:
    """The UI of a tiny factory whose bronze, silver and gold were made through it."""
    with dagster_dev(root, tmp_path_factory.mktemp("dagster")) as running:
        ended = running.materialise(*LINE)
        assert ended["status"] == "SUCCESS", ended
        yield running


def entries(asset: dict[str, Any]) -> dict[str, Any]:
    """Metadata of the newest materialisation."""
    return {e["label"]: e.get("intValue") or e.get("text") or e.get("mdStr") for e in asset["assetMaterializations"][0]["metadataEntries"]}


def test_the_line_through_the_ui(dagster: Dagster, root: Path) -> None:
    version = versions.find(Project.open(root), "orders", "latest")
    gold = dagster.asset("gold/orders")
    assert entries(gold)["version"] == version.version
    assert entries(gold)["dagster/row_count"] == sum(version.manifest["rows"].values())
    assert entries(gold)["picture: rows by split"].startswith("![rows by split](data:image/png;base64,")
    tags = {t["key"]: t["value"] for t in gold["assetMaterializations"][0]["tags"]}
    assert tags["dagster/data_version"] == version.content_id
    assert dagster.checks("bronze/orders_raw") == dict.fromkeys(("screened", "shape_known"), "SUCCEEDED")
    assert dagster.checks("silver/orders") == {"balance_holds": "SUCCEEDED", "yield": "SUCCEEDED"}
    assert dagster.checks("gold/orders") == dict.fromkeys(("contract_rules", "no_split_leak", "violation_rate"), "SUCCEEDED")

    partition = f"1.0.0-{version.version}"
    assert dagster.asset("pilot/orders")["partitionKeys"] == [partition]
    for key in ("pilot/orders", "release/orders"):
        ended = dagster.materialise(key, partition=partition)
        assert ended["status"] == "SUCCESS", ended
        assert dagster.asset(key)["assetMaterializations"][0]["partition"] == partition
    assert dagster.checks("pilot/orders") == {"macro_f1_on_test_at_least_0": "SUCCEEDED"}
    assert dagster.checks("release/orders") == {"bundle_verifies": "SUCCEEDED", "gates_passed": "SUCCEEDED"}
    assert entries(dagster.asset("pilot/orders"))["picture: train, confusion on test"].startswith(
        "![train, confusion on test](data:image/png;base64,"
    )
    assert versions.released(Project.open(root), "orders") is not None
    for key in (*LINE, "pilot/orders", "release/orders"):
        assert [bool(made["runId"]) for made in dagster.asset(key)["assetMaterializations"]] == [True], "the sensor reports nothing of it"


def test_a_mistake_is_a_message_with_a_fix_and_no_traceback(dagster: Dagster, root: Path) -> None:
    data = root / "data" / "orders.csv"
    data.rename(data.with_suffix(".away"))
    try:
        ended = dagster.materialise("bronze/orders_raw")
    finally:
        data.with_suffix(".away").rename(data)
    assert ended["status"] == "FAILURE"
    (failed,) = [e for e in ended["eventConnection"]["events"] if e["__typename"] == "ExecutionStepFailureEvent"]
    assert "orders.csv" in failed["failureMetadata"]["description"]
    assert {"kind", "fix"} <= {e["label"] for e in failed["failureMetadata"]["metadataEntries"]}


def test_a_broken_declaration_is_told_in_the_ui_and_a_tracking_server_is_named_and_not_started(new_factory: Path, tmp_path: Path) -> None:
    root = tmp_path / "factory"
    shutil.copytree(new_factory, root)
    dataset = root / "assets" / "datasets" / "orders.yaml"
    dataset.write_text(dataset.read_text(encoding="utf-8").replace("text_length", "text_lenth"), encoding="utf-8")
    (root / "lakehouse.yaml").write_text("tracking_uri: http://someone:secret@127.0.0.1:9\n", encoding="utf-8")
    with dagster_dev(root, tmp_path / "home") as running:
        assert running.location()["__typename"] == "RepositoryLocation", "what is not broken is there"
        text = running.log.read_text(encoding="utf-8")
        assert re.search(r"error: assets/datasets/orders\.yaml:\d+: unknown operator `text_lenth`", text), text
        assert "MLflow   http://127.0.0.1:9/#/experiments?workflowType=machine_learning  (the tracking server, which stays)" in text
        assert "secret" not in text
        assert not any(b"mlflow\0server" in Path(f"/proc/{member}/cmdline").read_bytes() for member in members(running.session))
