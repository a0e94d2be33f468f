"""`lakehouse doctor`: a fresh factory, a missing extra, services that do not answer, no factory at all."""

from __future__ import annotations

import json
import re
import socket
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from lakehouse.cli import cli
from lakehouse.cli.doctor.needs import CONNECTORS
from lakehouse.core.extras import install_command
from lakehouse.reserve.connectors import CONNECTORS as REGISTRY
from tests.factory import Factory

KAFKA = "connector: {kafka: {brokers: 'localhost:9092', topic: notes, format: json}}"


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("MLFLOW_TRACKING_URI", "HF_TOKEN", "LAKEHOUSE_PROJECT", "LAKEHOUSE_LAKE", "LAKEHOUSE_RUNNER", "NUMBA_CACHE_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "no-hub"))
    monkeypatch.setattr("sys.dont_write_bytecode", False)


def doctor(folder: Path, *arguments: str) -> Result:
    return CliRunner().invoke(cli, ["doctor", *arguments], env={"LAKEHOUSE_PROJECT": str(folder), "COLUMNS": "80"})


def conditions(folder: Path) -> tuple[int, dict[str, dict[str, Any]]]:
    done = doctor(folder, "--json")
    found = json.loads(done.output)
    assert found["ok"] == (done.exit_code == 0)
    return done.exit_code, {each["name"]: each for each in found["conditions"]}


def closed_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def absent(monkeypatch: pytest.MonkeyPatch, *packages: str) -> None:
    """Metadata as on a machine where these packages are not installed."""
    version = metadata.version

    def without(name: str) -> str:
        if name in packages:
            raise metadata.PackageNotFoundError(name)
        return version(name)

    monkeypatch.setattr(metadata, "version", without)


def test_a_fresh_factory_is_in_order(tmp_path: Path) -> None:
    assert CliRunner().invoke(cli, ["init", str(tmp_path / "fresh")]).exit_code == 0
    code, found = conditions(tmp_path / "fresh")
    assert code == 0
    for name in ("python", "package polars", "numba cache", "bytecode", "folder", "declarations", "lake", "mlflow", "git", "dvc"):
        assert found[name]["state"] == "ok", found[name]
    assert found["package polars"]["detail"] == metadata.version("polars")
    assert found["dvc"]["detail"] == "remote storage"
    assert found["hub token"]["state"] == "missing"
    said = doctor(tmp_path / "fresh")
    assert said.exit_code == 0
    assert "Everything that is needed is there." in said.output
    assert max(map(len, said.output.splitlines())) <= 80
    assert not (tmp_path / "fresh" / "mlflow.db").exists(), "it only looks"


def test_every_extra_is_named_with_the_line_that_installs_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    absent(monkeypatch, "zfec")
    code, found = conditions(tmp_path)
    extras = {name.removeprefix("extra ") for name in found if name.startswith("extra ")}
    assert extras == set(metadata.metadata("lakehouse-factory").get_all("Provides-Extra") or ())
    assert (code, found["extra cold"]["state"]) == (0, "missing")
    assert found["extra cold"]["fix"] == install_command("cold")


def test_a_missing_extra_that_a_source_needs_fails(notes_factory: Factory, monkeypatch: pytest.MonkeyPatch) -> None:
    notes_factory.write(
        "assets/sources/stream.yaml", f"source: stream\ndescription: x\nowner: team:data\nlicense: CC0-1.0\nkey: [id]\n{KAFKA}\n"
    )
    assert conditions(notes_factory.root)[0] == 0
    absent(monkeypatch, "confluent-kafka")
    code, found = conditions(notes_factory.root)
    assert (code, found["extra kafka"]["state"], found["extra kafka"]["needed"]) == (1, "missing", True)
    assert "needed by source stream" in found["extra kafka"]["detail"]
    assert install_command("kafka") in doctor(notes_factory.root).output.replace("\n", "").replace("  ", "")


def test_a_missing_package_of_the_core_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    absent(monkeypatch, "deltalake")
    code, found = conditions(tmp_path)
    assert (code, found["package deltalake"]["state"]) == (1, "missing")
    assert found["package deltalake"]["fix"].startswith('pip install "deltalake')


def test_an_mlflow_server_that_does_not_answer(notes_factory: Factory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://me:secret@127.0.0.1:{closed_port()}")
    code, found = conditions(notes_factory.root)
    assert (code, found["mlflow"]["state"], found["mlflow"]["needed"]) == (0, "problem", False), "no dataset is evaluated"
    assert "no answer" in found["mlflow"]["detail"]
    assert "secret" not in doctor(notes_factory.root).output
    notes_factory.declare([], pilot={"evaluations": [{"train": {"task": "text_classification", "input": "text", "label": "label"}}]})
    code, found = conditions(notes_factory.root)
    assert (code, found["mlflow"]["needed"]) == (1, True)


def test_a_lake_in_a_store_that_does_not_answer(notes_factory: Factory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hidden-key")
    options = f"{{endpoint: 'http://127.0.0.1:{closed_port()}', region: us-east-1}}"
    notes_factory.write("lakehouse.yaml", f"lake: s3://bucket/lake\nstorage_options: {options}\n")
    code, found = conditions(notes_factory.root)
    assert (code, found["lake"]["state"]) == (1, "problem")
    assert "the store cannot be reached" in found["lake"]["detail"]


def test_a_ray_cluster_that_does_not_answer(notes_factory: Factory) -> None:
    notes_factory.write("lakehouse.yaml", f"runner: ray\nray_address: ray://127.0.0.1:{closed_port()}\n")
    code, found = conditions(notes_factory.root)
    assert (code, found["ray"]["state"]) == (1, "problem")
    assert "needed by runner: ray" in found["extra ray"]["detail"]


def test_a_declaration_that_does_not_load(notes_factory: Factory) -> None:
    notes_factory.write("assets/datasets/bad.yaml", "ownr: x\n")
    code, found = conditions(notes_factory.root)
    assert (code, found["declarations"]["state"]) == (2, "problem")
    assert "assets/datasets/bad.yaml:1: unknown key `ownr`" in " ".join(doctor(notes_factory.root).output.split())


def test_git_and_dvc_are_named_where_they_are_missing_and_not_needed(notes_factory: Factory) -> None:
    code, found = conditions(notes_factory.root)
    assert (code, found["git"]["state"], found["dvc"]["state"]) == (0, "missing", "missing")
    assert "git init" in found["git"]["fix"]


def test_outside_a_factory_the_installation_only(tmp_path: Path) -> None:
    code, found = conditions(tmp_path)
    assert (code, found["folder"]["state"]) == (0, "missing")
    assert "lake" not in found
    said = doctor(tmp_path).output
    assert "Everything that is needed is there" not in said
    assert "The installation is in order. No factory is here" in said


def test_the_token_is_never_printed(notes_factory: Factory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_never_to_be_seen")
    assert conditions(notes_factory.root)[1]["hub token"]["state"] == "ok"
    assert "hf_never" not in doctor(notes_factory.root).output + doctor(notes_factory.root, "--json").output


def test_what_makes_commands_slow_is_a_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setattr("sys.dont_write_bytecode", True)
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "file"))
    code, found = conditions(tmp_path)
    assert (code, found["bytecode"]["state"], found["numba cache"]["state"]) == (0, "problem", "problem")
    assert found["bytecode"]["fix"] == "unset PYTHONDONTWRITEBYTECODE"


def test_every_connector_whose_packages_are_an_extra_is_known() -> None:
    said = {name for name, entry in REGISTRY.entries().items() if re.search(r"extra\s+`\w+`\s+is\s+needed", entry.function.__doc__ or "")}
    assert said == set(CONNECTORS)
