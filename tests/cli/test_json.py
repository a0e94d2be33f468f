"""What commands report, as JSON."""

from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner

from lakehouse.cli import cli


def test_init_and_schema_name_the_files_they_wrote(tmp_path: Path) -> None:
    made = json.loads(CliRunner().invoke(cli, ["init", str(tmp_path / "fresh"), "--json"]).output)
    assert (made["root"], made["dataset"]) == (str(tmp_path / "fresh"), "tickets")
    assert {"assets/datasets/tickets.yaml", "contracts/tickets.py"} <= set(made["files"])
    written = CliRunner().invoke(cli, ["recipe", "schema", "--json"], env={"LAKEHOUSE_PROJECT": made["root"]}).output
    assert [Path(file).name for file in json.loads(written)] == ["source.json", "dataset.json", "lakehouse.json"]
    assert all(Path(file).exists() for file in json.loads(written))
