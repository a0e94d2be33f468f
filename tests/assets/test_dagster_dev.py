"""`lakehouse ui` as a user runs it: a real `dagster dev`, its runs in processes of their own, its page in a real browser."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lakehouse.core import versions
from lakehouse.core.project import Project
from tests.loopback import until

from .dev_server import Dagster, dagster_dev, members

pytestmark = pytest.mark.slow
LINE = ("bronze/orders_raw", "silver/orders", "gold/orders")
BROWSER = next((found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None)


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
    assert entries(gold)["rows by split"].startswith("![rows by split](data:image/png;base64,")
    tags = {t["key"]: t["value"] for t in gold["assetMaterializations"][0]["tags"]}
    assert tags["dagster/data_version"] == version.content_id
    assert dagster.checks("bronze/orders_raw") == dict.fromkeys(("fresh", "screened", "shape_known"), "SUCCEEDED")
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
    assert entries(dagster.asset("pilot/orders"))["train: confusion on test"].startswith("![confusion](data:image/png;base64,")
    assert versions.released(Project.open(root), "orders") is not None


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


@pytest.mark.skipif(BROWSER is None, reason="NO BROWSER: install chromium (apt-get install chromium) to see the asset page rendered")
def test_the_page_of_an_asset_shows_its_checks_in_a_browser(dagster: Dagster, tmp_path: Path) -> None:
    command = [str(BROWSER), "--headless=new", "--disable-gpu", "--disable-dev-shm-usage", f"--user-data-dir={tmp_path / 'profile'}"]
    command += ["--no-sandbox"] if os.geteuid() == 0 else []  # Chromium's sandbox refuses to start as root
    command += ["--virtual-time-budget=20000", "--dump-dom", f"{dagster.address}/assets/gold/orders?view=checks"]
    page = ""
    for _ in until(180, f"the page does not show the checks: {page[:2000]}"):
        page = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False).stdout
        if "Checks (3)" in page and "violation_rate" in page:
            break
    assert all(name in page for name in ("contract_rules", "no_split_leak", "violation_rate"))
    assert page.count("Succeeded") >= 3


def test_a_broken_declaration_is_told_in_the_ui_and_stopping_leaves_nothing_running(new_factory: Path, tmp_path: Path) -> None:
    root = tmp_path / "factory"
    shutil.copytree(new_factory, root)
    dataset = root / "assets" / "datasets" / "orders.yaml"
    dataset.write_text(dataset.read_text(encoding="utf-8").replace("text_length", "text_lenth"), encoding="utf-8")
    with dagster_dev(root, tmp_path / "home") as running:
        location = running.location()
        assert location["__typename"] == "PythonError"
        assert "orders.yaml:" in location["message"]
        assert "unknown operator `text_lenth`" in location["message"]
        session = running.session
        assert members(session)
    assert members(session) == []
