"""A real `lakehouse ui` (`dagster dev` and MLflow's server) on free ports, spoken to over GraphQL."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.loopback import free_port, until

LAUNCH = """
mutation ($params: ExecutionParams!) {
  launchPipelineExecution(executionParams: $params) {
    __typename
    ... on LaunchRunSuccess { run { runId } }
    ... on PythonError { message }
    ... on RunConfigValidationInvalid { errors { message } }
    ... on PipelineNotFoundError { message }
    ... on InvalidSubsetError { message }
  }
}
"""
LOCATION = """
{ workspaceOrError { ... on Workspace { locationEntries { name loadStatus locationOrLoadError {
    __typename
    ... on RepositoryLocation { repositories { name } }
    ... on PythonError { message stack }
} } } } }
"""
RUN = """
query ($id: ID!) { runOrError(runId: $id) { ... on Run { status eventConnection(limit: 1000) { events {
    __typename
    ... on ExecutionStepFailureEvent { stepKey failureMetadata { description metadataEntries { label ... on TextMetadataEntry { text } } }
        error { message stack } }
    ... on RunFailureEvent { message error { message } }
} } } } }
"""
ASSET = """
query ($key: AssetKeyInput!) { assetNodeOrError(assetKey: $key) { ... on AssetNode {
    partitionKeys
    assetMaterializations(limit: 5) {
        runId partition
        tags { key value }
        metadataEntries { label __typename ... on MarkdownMetadataEntry { mdStr } ... on IntMetadataEntry { intValue }
            ... on TextMetadataEntry { text } }
    }
    assetChecksOrError { ... on AssetChecks { checks { name blocking executionForLatestMaterialization { status } } } }
} } }
"""


@dataclass(frozen=True)
class Dagster:
    """The running UI of one factory; `session` holds its processes, `log` is what they print."""

    address: str
    session: int = 0
    mlflow: str = ""
    log: Path = Path()

    def ask(self, query: str, **variables: Any) -> Any:
        answer = httpx.post(f"{self.address}/graphql", json={"query": query, "variables": variables}, timeout=60).json()
        assert "errors" not in answer, answer["errors"]
        return answer["data"]

    def location(self) -> dict[str, Any]:
        """The code location once it is loaded, or its error."""
        entries = self.ask(LOCATION)["workspaceOrError"]["locationEntries"]
        return dict(entries[0]["locationOrLoadError"] or {}) if entries and entries[0]["loadStatus"] == "LOADED" else {}

    def launch(self, *keys: str, partition: str | None = None) -> str:
        """Start a run that materialises assets such as `gold/reviews` with their checks; returns the run's id."""
        selector = {
            "repositoryLocationName": "factory",
            "repositoryName": "__repository__",
            "pipelineName": "__ASSET_JOB",
            "assetSelection": [{"path": key.split("/")} for key in keys],
        }
        tags = [{"key": "dagster/partition", "value": partition}] if partition else []
        params = {"selector": selector, "mode": "default", "runConfigData": {}, "executionMetadata": {"tags": tags}}
        launched = self.ask(LAUNCH, params=params)["launchPipelineExecution"]
        assert launched["__typename"] == "LaunchRunSuccess", launched
        return str(launched["run"]["runId"])

    def wait(self, run: str, seconds: float = 300) -> dict[str, Any]:
        """The run with its failures, when it has ended."""
        for _ in until(seconds, f"run {run} does not end"):
            found = self.ask(RUN, id=run)["runOrError"]
            if found["status"] in ("SUCCESS", "FAILURE", "CANCELED"):
                return dict(found)
        raise AssertionError("unreachable")

    def materialise(self, *keys: str, partition: str | None = None) -> dict[str, Any]:
        return self.wait(self.launch(*keys, partition=partition))

    def asset(self, key: str) -> dict[str, Any]:
        """Materialisations (newest first), partitions and checks of an asset."""
        return dict(self.ask(ASSET, key={"path": key.split("/")})["assetNodeOrError"])

    def checks(self, key: str) -> dict[str, str | None]:
        """Status of every check on the newest materialisation."""
        found = self.asset(key)["assetChecksOrError"]["checks"]
        return {c["name"]: (c["executionForLatestMaterialization"] or {}).get("status") for c in found}


@contextmanager
def dagster_dev(root: Path, home: Path, end: signal.Signals = signal.SIGINT) -> Iterator[Dagster]:
    """`lakehouse ui` in the factory `root`, ended by the signal `end`, which must leave nothing running; it prints into `home`/ui.log."""
    port, mlflow_port = free_port(), free_port()
    home.mkdir(parents=True, exist_ok=True)
    environment = {**os.environ, "DAGSTER_HOME": str(home), "PYTHONWARNINGS": "default"}
    with (home / "ui.log").open("wb") as log:
        command = [sys.executable, "-m", "lakehouse.cli", "ui", "--port", str(port), "--mlflow-port", str(mlflow_port)]
        ui = subprocess.Popen(command, cwd=root, env=environment, stdout=log, stderr=subprocess.STDOUT, start_new_session=True)
        dagster = Dagster(f"http://127.0.0.1:{port}", ui.pid, f"http://127.0.0.1:{mlflow_port}", home / "ui.log")
        try:
            for _ in until(300, "the UI does not answer"):
                text = dagster.log.read_text(encoding="utf-8")
                assert ui.poll() is None, text
                if "Ctrl-C ends" in text and dagster.location():
                    break
            yield dagster
            os.kill(ui.pid, end)  # as a shell sends Ctrl-C, or a service manager SIGTERM, to the command alone
            assert ui.wait(120) == 0
            assert members(ui.pid) == [], "a signal ends every process"
        finally:
            _signal_group(ui.pid, signal.SIGKILL)
            for member in members(ui.pid):
                os.kill(member, signal.SIGKILL)
            ui.wait(30)


def members(session: int) -> list[int]:
    """Processes of a session that are alive, by /proc; empty where there is none."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = stat.read_text(encoding="utf-8").rpartition(")")[2].split()
            if int(fields[3]) == session and fields[0] != "Z":
                found.append(int(stat.parent.name))
    return found


def _signal_group(group: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, number)
