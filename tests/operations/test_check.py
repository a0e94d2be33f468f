"""`lakehouse check` names what can be known before a run; a wrong file stops only what needs it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from lakehouse.cli import cli
from lakehouse.core.errors import SpecError
from lakehouse.core.project import Project
from lakehouse.operations import line, promises
from lakehouse.operations.check import check
from tests.authoring.desk import ROWS, Desk, desk_of_notes


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return desk_of_notes(tmp_path)


def _edited(desk: Desk, file: str, change: Callable[[str], str]) -> list[str]:
    path = desk.root / file
    before = path.read_text()
    assert change(before) != before
    path.write_text(change(before))
    return [f"{problem.where}: {problem.what}" for problem in check(desk.project)]


DATASET, CONTRACT, SOURCE = "assets/datasets/notes.yaml", "contracts/notes.py", "assets/sources/notes_raw.yaml"


def test_what_add_writes_is_in_order(desk: Desk) -> None:
    assert check(desk.project) == []
    assert list(promises.notes(desk.project, "notes")) == []


@pytest.mark.parametrize(
    ("file", "old", "new", "named"),
    [
        (CONTRACT, "price: float", "cost: float", "the contract promises `cost`, which no source has"),
        (CONTRACT, "price: float", "price: int", "the contract promises `price` as Int64, it is Float64"),
        (CONTRACT, "    id: int = pa.Field(", '    row_id: int = pa.Field(alias="row_id", ', "a release gives this name"),
        (DATASET, "label: label, analyzer", "label: class, analyzer", "train reads `class`, which is not in the contract"),
        (DATASET, "threshold: 0.8", "threshold: 8.0", "`dedup_minhash.threshold` is 8, and goes from 0 to 1"),
        (DATASET, "license: other", "license: mitt", "`mitt` is no identifier of a licence"),
        (DATASET, "license: other", "license: nosuch-9", "`nosuch-9` is no identifier of a licence"),
        (DATASET, "license: other", "license: MIT OR nosuch-9", "`MIT OR nosuch-9` is no identifier of a licence"),
        (DATASET, "by: cluster, train: 0.8, validation: 0.1, test: 0.1", "by: column, column: fold", "no column `fold`"),
        (SOURCE, "price: float", "price: flaot", "is no column type"),
    ],
)
def test_a_promise_that_cannot_be_kept(desk: Desk, file: str, old: str, new: str, named: str) -> None:
    found = _edited(desk, file, lambda text: text.replace(old, new))
    assert [each for each in found if named in each], found


@pytest.mark.parametrize(
    ("gate", "named"),
    [
        ("{metric: makro_f1, at_least: 0.5}", "no evaluation measures `makro_f1`"),
        ("{metric: accuracy, at_least: 80}", "`at_least: 80`: accuracy is at most 1"),
    ],
)
def test_a_gate_that_cannot_pass(desk: Desk, gate: str, named: str) -> None:
    found = _edited(desk, DATASET, lambda text: text.replace("release:", "release:").replace("pilot:\n", f"pilot:\n  gates: [{gate}]\n"))
    assert [each for each in found if named in each], found


def test_a_contract_without_a_column(desk: Desk) -> None:
    found = _edited(desk, CONTRACT, lambda text: text[: text.index("    id:")] + "    pass\n")
    assert "promises no column" in found[0]


def test_a_column_that_does_not_come_through_is_named_until_it_is_left_out(desk: Desk) -> None:
    assert _edited(desk, CONTRACT, lambda text: "".join(line for line in text.splitlines(True) if "price" not in line)) == []
    (note,) = promises.notes(desk.project, "notes")
    assert "`price` will not be in gold" in note
    assert _edited(desk, DATASET, lambda text: text + "leave_out: [price]\n") == []
    assert list(promises.notes(desk.project, "notes")) == []


def test_a_split_that_stays_empty_is_named(desk: Desk) -> None:
    list(line.run(desk.project, ["notes"], "bronze"))
    _edited(
        desk, DATASET, lambda text: text.replace("train: 0.8, validation: 0.1, test: 0.1", "train: 0.995, validation: 0.0, test: 0.005")
    )
    (note,) = promises.notes(desk.project, "notes")
    assert "test gets 0.005 of 60 rows" in note


def test_one_wrong_file_stops_only_itself(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.add(desk.bring("other.csv", ROWS.encode()), label="label")
    (desk.root / DATASET).write_text("dataset: notes\nrecipes: []\n")
    project = desk.project
    assert list(project.datasets) == ["other"]
    with pytest.raises(SpecError, match="`description` is missing"):
        project.dataset("notes")
    (problem,) = check(project)
    assert "unknown key `recipes`" in str(problem)
    assert desk.gold("other").height > 0
    monkeypatch.setenv("LAKEHOUSE_PROJECT", str(desk.root))
    ran = CliRunner().invoke(cli, ["run", "other", "--to", "gold"])
    assert ran.exit_code == 0, ran.output
    ran = CliRunner().invoke(cli, ["run", "--to", "gold"])
    assert ran.exit_code == 2
    assert "other unchanged" in ran.output
    for command in (["collect"], ["plan"], ["status"]):
        ran = CliRunner().invoke(cli, command)
        assert ran.exit_code == 2, command
        assert "assets/datasets/notes.yaml" in ran.output, command


def test_a_source_whose_file_is_wrong_is_never_written_unsealed(desk: Desk) -> None:
    (desk.root / SOURCE).write_text("source: notes_raw\nencrypt: 7\n")
    with pytest.raises(SpecError):
        Project.open(desk.root).classes_of("notes")
