"""The pilot against a real MLflow server, chosen by configuration alone."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from lakehouse.core import versions
from lakehouse.pilot.pilot import pilot

from ..conftest import Factory, remarks

pytestmark = pytest.mark.slow


@pytest.fixture
def server(tmp_path: Path, empty_store: Path) -> Iterator[str]:
    """Address of an `mlflow server` on sqlite, which serves the artifacts itself."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    store, log = tmp_path / "server", tmp_path / "server.log"
    store.mkdir()
    (store / "mlflow.db").write_bytes(empty_store.read_bytes())
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    command += ["--backend-store-uri", f"sqlite:///{store / 'mlflow.db'}", "--artifacts-destination", str(store / "artifacts")]
    with log.open("wb") as out:
        process = subprocess.Popen(command, cwd=store, stdout=out, stderr=subprocess.STDOUT, start_new_session=True)
        try:
            end = time.monotonic() + 120
            while True:
                assert process.poll() is None, log.read_text(encoding="utf-8")
                assert time.monotonic() < end, log.read_text(encoding="utf-8")
                with suppress(httpx.TransportError):
                    if httpx.get(f"http://127.0.0.1:{port}/health", timeout=5).status_code == 200:
                        break
                time.sleep(0.5)
            yield f"http://127.0.0.1:{port}"
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                process.wait(20)
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait(20)


def test_a_run_on_a_server_is_read_back_over_rest(factory: Factory, server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    version = factory.make(remarks())
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server)
    before = (factory.root / "mlflow.db").read_bytes()
    done = pilot(factory.project, "orders")
    assert done.passed
    run_id = versions.find(factory.project, "orders", "latest").evaluations["train"]["run_id"]
    run = httpx.get(f"{server}/api/2.0/mlflow/runs/get", params={"run_id": run_id}).json()["run"]
    assert run["info"]["status"] == "FINISHED"
    assert {t["key"]: t["value"] for t in run["data"]["tags"]}["factory.version"] == version.version
    assert run["inputs"]["dataset_inputs"][0]["dataset"]["digest"] == version.version
    metrics = {m["key"]: m["value"] for m in run["data"]["metrics"]}
    assert metrics["test.macro_f1"] == done.metrics["train"]["test"]["macro_f1"]["mean"]
    listed = httpx.get(f"{server}/api/2.0/mlflow/artifacts/list", params={"run_id": run_id, "path": "test"}).json()["files"]
    assert {f["path"] for f in listed} == {"test/confusion.png", "test/recall.png", "test/predictions.csv"}
    assert (factory.root / "mlflow.db").read_bytes() == before, "the local store is not touched"
    assert pilot(factory.project, "orders").unchanged
