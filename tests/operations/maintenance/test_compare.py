import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from lakehouse.cli import cli
from lakehouse.operations.maintenance.compare import compare

from .factory import clean_notes, declare, made, new_line


def test_versions_stand_side_by_side(tmp_path: Path, empty_store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    factory = new_line(tmp_path / "factory", [{"text_length": {"column": "text", "at_least": 3}}])
    shutil.copyfile(empty_store, factory.root / "mlflow.db")
    first = made(factory)
    declare(factory, [{"text_length": {"column": "text", "at_least": 12}}])
    second = made(factory)
    factory.material(clean_notes(150))
    third = made(factory)
    found = compare(factory.project, "notes", [first, second, third])
    kept = sum(len(note["text"]) >= 12 for note in clean_notes(120))
    assert [sum(side.rows.values()) for side in found.sides] == [120, kept, sum(len(note["text"]) >= 12 for note in clean_notes(150))]
    assert found.changes[0].rows == {"added": 0, "removed": 120 - kept, "changed": 0, "moved": 0, "same": kept}
    assert any("at_least was 3, now 12" in sentence for sentence in found.changes[0].plan)
    assert any("source `notes` changed" in sentence for sentence in found.changes[1].plan)
    medians = [next(iter(side.signals.values()))[0] for side in found.sides]
    assert medians[1] >= max(medians[0], 12)
    held_out = next(s for s in found.scores if s.on == "held_out")
    assert all(d is not None and d["low"] <= d["value"] <= d["high"] for d in held_out.differences)
    assert found.sides[0].findings is None
    monkeypatch.setenv("LAKEHOUSE_PROJECT", str(factory.root))
    picture = tmp_path / "side.png"
    done = CliRunner().invoke(cli, ["version", "compare", "notes", first, third, "--json", "--picture", str(picture)])
    assert done.exit_code == 0, done.output
    assert [side["label"] for side in json.loads(done.output)["sides"]] == [first, third]
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert "Scores" in CliRunner().invoke(cli, ["version", "compare", "notes", first, second]).output
    assert CliRunner().invoke(cli, ["version", "compare", "notes", first], standalone_mode=True).exit_code == 2
