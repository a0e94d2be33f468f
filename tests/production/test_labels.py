"""A change that is taken back has the label of the same content again; labels of other content are never given twice."""

from __future__ import annotations

from pathlib import Path

from lakehouse.core import versions
from tests.authoring.desk import Desk, desk_of_notes

DATASET = "assets/datasets/notes.yaml"


def _made(desk: Desk, old: str, new: str) -> tuple[str, str]:
    file = desk.root / DATASET
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))
    desk.gold("notes")
    current = versions.current(desk.project, "notes")
    assert current is not None
    return current.label, current.version


def test_a_change_and_its_revert(tmp_path: Path) -> None:
    desk = desk_of_notes(tmp_path)
    first = _made(desk, "at_least: 2", "at_least: 2")
    second = _made(desk, "at_least: 2", "at_least: 30")
    assert [first[0], second[0]] == ["1.0.0", "1.1.0"]
    assert _made(desk, "at_least: 30", "at_least: 2") == first
    assert _made(desk, "at_least: 2", "at_least: 31")[0] == "1.2.0"
    assert _made(desk, "at_least: 31", "at_least: 30") == second
    described = _made(desk, "owner: team:data", "owner: team:other")
    assert described == ("1.2.1", second[1])
    assert _made(desk, "owner: team:other", "owner: team:data") == second
