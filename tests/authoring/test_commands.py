"""`lakehouse init` and `lakehouse add` as a person calls them: what is shown, what is JSON, what a mistake says."""

from __future__ import annotations

import json
import subprocess
import threading
import zipfile
from collections.abc import Iterator
from functools import partial
from http.server import HTTPServer, SimpleHTTPRequestHandler
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from lakehouse.cli import cli, terminal
from lakehouse.core.errors import SourceError
from lakehouse.core.project import Project
from lakehouse.operations.check import check
from tests.authoring.desk import Desk

TABLE = "Größe;Preis;class\n" + "".join(f"{i},5;{i};{'ab'[i % 2]}\n" for i in range(60))


@pytest.fixture
def quiet_git(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("DVC_SITE_CACHE_DIR", "DVC_GLOBAL_CONFIG_DIR", "DVC_SYSTEM_CONFIG_DIR"):
        monkeypatch.setenv(name, str(tmp_path / "dvc"))


@pytest.mark.usefixtures("quiet_git")
def test_init_from_a_file_and_add_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "Preise.csv"
    file.write_bytes(TABLE.encode("cp1252"))
    root = tmp_path / "my factory"
    monkeypatch.setattr(terminal.out, "_width", 80)
    made = CliRunner().invoke(cli, ["init", str(root), "--data", str(file)])
    assert made.exit_code == 0, made.output
    assert "preise is of the kind table" in made.output
    assert "with a decimal comma" in " ".join(made.output.split())
    assert [line for line in made.output.splitlines() if len(line) > 80 and str(root) not in line] == []
    assert check(Project.open(root)) == []
    held = subprocess.run(["git", "-C", str(root), "ls-files"], capture_output=True, text=True, check=True).stdout.split()
    assert not [name for name in held if name.startswith("data/")], "raw data is in git"
    assert (root / ".lakehouse" / "schema" / "source.json").is_file()
    assert "# yaml-language-server: $schema=" in (root / "assets" / "sources" / "preise_raw.yaml").read_text(encoding="utf-8")

    monkeypatch.chdir(root)
    (tmp_path / "more.jsonl").write_text("".join(json.dumps({"q": i}) + "\n" for i in range(60)))
    added = CliRunner().invoke(cli, ["add", str(tmp_path / "more.jsonl"), "--json"])
    assert added.exit_code == 0, added.output
    assert json.loads(added.output)["dataset"] == "more"
    again = CliRunner().invoke(cli, ["add", str(tmp_path / "more.jsonl")])
    assert again.exit_code != 0
    assert check(Project.open(root)) == []


@pytest.mark.usefixtures("quiet_git")
def test_what_cannot_be_read_makes_no_factory(tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(b"\x7fELF" + bytes(300))
    made = CliRunner().invoke(cli, ["init", str(tmp_path / "f"), "--data", str(tmp_path / "a.bin")])
    assert made.exit_code != 0
    assert not (tmp_path / "f").exists()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[str]:
    """A folder served on loopback."""
    (tmp_path / "site").mkdir()
    server = HTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(tmp_path / "site")))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


def test_an_address(desk: Desk, site: str, tmp_path: Path) -> None:
    (tmp_path / "site" / "preise.csv").write_bytes(TABLE.encode("cp1252"))
    made = desk.add(f"{site}/preise.csv")
    declared = yaml.safe_load((desk.root / made.files[0]).read_text(encoding="utf-8"))
    assert declared["connector"]["http"]["files"][0] == {"url": f"{site}/preise.csv", "encoding": "cp1252", "separator": ";"}
    gold = desk.gold(made.dataset)
    assert gold["Größe"].to_list() == [i + 0.5 for i in range(60)]


def test_an_archive_at_an_address_is_refused(desk: Desk, site: str, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "site" / "a.zip", "w") as packed:
        packed.writestr("a.csv", TABLE)
    with pytest.raises(SourceError, match="files at an address are not unpacked"):
        desk.add(f"{site}/a.zip")


def test_discover_shows_what_an_archive_holds(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as packed:
        packed.writestr("x/a.csv", TABLE)
        packed.writestr("readme.md", "# Prices")
    shown = CliRunner().invoke(cli, ["discover", str(tmp_path / "a.zip")]).output
    assert "text/csv: 1 file" in shown
    assert "text/plain: 1 file" in shown
    assert "separator ';'" in shown
