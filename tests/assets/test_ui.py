"""`lakehouse ui` over what the command line made: both pages true from the first look, in a real browser; one message for bad input."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner

from lakehouse.cli import cli
from lakehouse.core import versions
from lakehouse.core.errors import FactoryError, NotFoundError
from lakehouse.core.project import Project
from lakehouse.operations import line
from tests.loopback import free_port, until

from .dev_server import Dagster, dagster_dev

BROWSER = next((found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None)
browser = pytest.mark.skipif(BROWSER is None, reason="NO BROWSER: install chromium (apt-get install chromium) to see the pages rendered")
ASSETS = ("bronze/orders_raw", "silver/orders", "gold/orders", "pilot/orders", "release/orders")
NODES = """
{ assetNodes {
    assetKey { path }
    metadataEntries { label ... on TextMetadataEntry { text } }
    assetMaterializations(limit: 5) { runId partition metadataEntries { label ... on UrlMetadataEntry { url } } }
    assetChecksOrError { ... on AssetChecks { checks { name executionForLatestMaterialization { status } } } }
} }
"""


@pytest.fixture(scope="module")
def root(made_factory: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A factory whose every asset was made on the command line."""
    root = tmp_path_factory.mktemp("ui") / "factory"
    shutil.copytree(made_factory, root)
    list(line.run(Project.open(root), ["orders"]))
    released = CliRunner().invoke(cli, ["release", "orders"], env={"LAKEHOUSE_PROJECT": str(root)})
    assert released.exit_code == 0, released.output
    return root


@pytest.fixture(scope="module")
def ui(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dagster]:
    """The running UI, which SIGTERM ends with all its processes."""
    with dagster_dev(root, tmp_path_factory.mktemp("dagster") / "home", signal.SIGTERM) as running:
        yield running


def nodes(ui: Dagster) -> dict[str, dict[str, Any]]:
    return {"/".join(node["assetKey"]["path"]): node for node in ui.ask(NODES)["assetNodes"]}


def run_link(ui: Dagster) -> str:
    """The link to the MLflow run on the page of the pilot."""
    (made,) = nodes(ui)["pilot/orders"]["assetMaterializations"]
    return str({entry["label"]: entry.get("url") for entry in made["metadataEntries"]}["train: mlflow run"])


def rendered(address: str, profile: Path, *expected: str) -> str:
    """A page as the browser shows it, once it shows what is expected."""
    command = [str(BROWSER), "--headless=new", "--disable-gpu", "--disable-dev-shm-usage", f"--user-data-dir={profile}"]
    command += ["--no-sandbox"] if os.geteuid() == 0 else []  # Chromium's sandbox refuses to start as root
    page = ""
    for _ in until(300, f"{address} does not show {expected}: {page[:2000]}"):
        shown = [*command, "--virtual-time-budget=20000", "--dump-dom", address]
        page = subprocess.run(shown, capture_output=True, text=True, timeout=240, check=False).stdout
        if all(each in page for each in expected):
            break
    return page


@pytest.mark.slow
def test_every_asset_is_materialised_with_its_checks_at_the_first_look(ui: Dagster, root: Path) -> None:
    found = nodes(ui)
    assert set(found) == set(ASSETS)
    assert {key: len(node["assetMaterializations"]) for key, node in found.items()} == dict.fromkeys(ASSETS, 1)
    for key, node in found.items():
        evaluated = {c["name"]: (c["executionForLatestMaterialization"] or {}).get("status") for c in node["assetChecksOrError"]["checks"]}
        assert set(evaluated.values()) == {"SUCCEEDED"}, (key, evaluated)
    version = versions.find(Project.open(root), "orders", "latest").version
    assert {found[f"{layer}/orders"]["assetMaterializations"][0]["partition"] for layer in ("pilot", "release")} == {f"1.0.0-{version}"}
    stored = {key: {e["label"]: e.get("text") for e in node["metadataEntries"]}.get("dagster/uri") for key, node in found.items()}
    assert stored == {
        **{key: str(root / "lake" / key) for key in ASSETS[:3]},
        "pilot/orders": None,
        "release/orders": str(root / "releases" / "orders"),
    }


@pytest.mark.slow
def test_the_link_to_the_run_opens_in_the_mlflow_that_was_started(ui: Dagster) -> None:
    link = run_link(ui)
    assert link.startswith(f"{ui.mlflow}/#/experiments/")
    assert httpx.get(link, trust_env=False).status_code == 200
    run_id = link.partition("/runs/")[2].partition("?")[0]
    found = httpx.get(f"{ui.mlflow}/api/2.0/mlflow/runs/get", params={"run_id": run_id}, trust_env=False)
    assert found.json()["run"]["info"]["run_name"] == "1.0.0 train"
    named = httpx.get(f"{ui.mlflow}/api/2.0/mlflow/registered-models/search", trust_env=False).json()
    assert [model["name"] for model in named["registered_models"]] == ["orders"]


@pytest.mark.slow
def test_what_is_printed_is_two_addresses_and_no_warning(ui: Dagster) -> None:
    text = ui.log.read_text(encoding="utf-8")
    assert f"Dagster  {ui.address}" in text
    assert f"MLflow   {ui.mlflow}/#/experiments?workflowType=machine_learning" in text
    for unwanted in ("superseded", "elemetry", "BetaWarning", "PreviewWarning", "DeprecationWarning", "newsletter"):
        assert unwanted not in text


@pytest.mark.slow
@browser
def test_no_page_says_never_materialized(ui: Dagster, tmp_path: Path) -> None:
    for key in ASSETS:
        page = rendered(f"{ui.address}/assets/{key}", tmp_path, "Latest materialization", "picture: " if "bronze" not in key else "uri")
        assert "Never materialized" not in page, key
    assert run_link(ui) in rendered(f"{ui.address}/assets/pilot/orders", tmp_path, "mlflow run", "macro_f1 on test").replace("&amp;", "&")
    checks = rendered(f"{ui.address}/assets/gold/orders?view=checks", tmp_path, "Checks (3)", "violation_rate")
    assert all(name in checks for name in ("contract_rules", "no_split_leak"))


@pytest.mark.slow
@browser
def test_the_run_is_shown_among_trained_models(ui: Dagster, tmp_path: Path) -> None:
    page = rendered(run_link(ui), tmp_path, "1.0.0 train", "test.macro_f1", "pilot/orders")
    assert "Model registry" in page, "the pages of trained models, not of traces"


def test_a_port_that_is_taken_is_one_message(made_factory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAKEHOUSE_PROJECT", str(made_factory))
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        for option, other in (("--port", "--mlflow-port"), ("--mlflow-port", "--port")):
            result = CliRunner().invoke(cli, ["ui", option, port, other, str(free_port())])
            assert isinstance(result.exception, FactoryError)
            assert f"cannot listen on 127.0.0.1:{port}: Address already in use" in str(result.exception)
            assert f"name a port: {option}" in str(result.exception.fix)


def test_one_port_for_both_and_no_port_at_all_are_refused(made_factory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAKEHOUSE_PROJECT", str(made_factory))
    same = CliRunner().invoke(cli, ["ui", "--port", "3999", "--mlflow-port", "3999"])
    assert (same.exit_code, "need a port each" in same.output) == (2, True)
    none = CliRunner().invoke(cli, ["ui", "--port", "70000"])
    assert (none.exit_code, "70000 is not in the range" in none.output) == (2, True)


def test_a_folder_that_is_no_factory_is_one_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(cli, ["ui"])
    assert isinstance(result.exception, NotFoundError)
    assert "no data factory at or above" in str(result.exception)
