"""Sentences on a terminal: continuation lines keep their indent, counts are grammatical, nothing is said twice."""

from __future__ import annotations

import io
import json
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from rich.text import Text

from lakehouse.cli import cli, terminal
from lakehouse.core.errors import NotFoundError
from lakehouse.core.extras import install_command
from lakehouse.core.text.numbers import counted, size
from lakehouse.operations import line
from tests.authoring.desk import Desk
from tests.factory import Factory


def printed(text: str, width: int = 40) -> list[str]:
    console = terminal._Safe(file=io.StringIO(), width=width, highlight=False, emoji=False)
    console.print(text)
    return console.file.getvalue().splitlines()  # type: ignore[attr-defined]


def test_a_sentence_goes_on_below_where_it_began() -> None:
    said = printed("[bold]head[/]\n  one two three four five six seven eight nine ten eleven\nshort")
    assert said == ["head", "  one two three four five six seven", "    eight nine ten eleven", "short"]
    assert printed("a" * 30 + " " + "b" * 30) == ["a" * 30, "  " + "b" * 30]
    assert printed("") == [""]


def test_styles_and_marks_come_through() -> None:
    console = terminal._Safe(file=io.StringIO(), width=20, force_terminal=True, color_system="standard")
    console.print("  [red]one two three[/] four five six")
    shown = Text.from_ansi(console.file.getvalue())  # type: ignore[attr-defined]
    assert shown.plain.splitlines() == ["  one two three", "    four five six"]
    assert "\x1b[31m" in console.file.getvalue()  # type: ignore[attr-defined]


def test_an_error_keeps_its_indent_at_a_terminal_and_is_whole_in_a_log(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    error = NotFoundError("no dataset `a` among the many that are declared", fix="give another name, such as this very long one")
    terminal.complain(error)
    assert capsys.readouterr().err == f"error: {error}\n"
    shown = terminal._Safe(file=io.StringIO(), width=40, force_terminal=True, no_color=True, highlight=False)
    monkeypatch.setattr(terminal, "err", shown)
    terminal.complain(error)
    lines = Text.from_ansi(shown.file.getvalue()).plain.splitlines()  # type: ignore[attr-defined]
    assert lines == [
        "error: no dataset `a` among the many",
        "  that are declared",
        "  fix: give another name, such as this",
        "    very long one",
    ]


def test_counts_and_sizes() -> None:
    assert [counted(n, "row") for n in (0, 1, 2, 1000)] == ["0 rows", "1 row", "2 rows", "1,000 rows"]
    assert [size(n) for n in (0, 312, 4321, 1_500_000, 2.5e9)] == ["0 B", "312 B", "4 kB", "1.5 MB", "2.5 GB"]


def test_what_could_not_be_read_has_its_reason_once(notes_factory: Factory, monkeypatch: pytest.MonkeyPatch) -> None:
    notes_factory.material([{"id": "1", "text": "one"}])
    with (notes_factory.root / "raw" / "notes.jsonl").open("a") as file:
        file.write('{broken\n{"id": "7", "text": 5, "label": {"a": 1}}\n')
    notes_factory.made()
    monkeypatch.chdir(notes_factory.root)
    shown = CliRunner().invoke(cli, ["show", "notes", "--quarantined"]).output
    assert "why: intake: malformed_json\n" in shown
    assert "why: intake: bad_value:label, bad_value:text\n" in shown
    assert "2 rows\n" in shown


def test_a_run_of_one_row_says_row(notes_factory: Factory, monkeypatch: pytest.MonkeyPatch) -> None:
    notes_factory.material([{"id": "1", "text": "one"}])
    monkeypatch.chdir(notes_factory.root)
    said = CliRunner().invoke(cli, ["run", "notes", "--to", "gold"]).output
    assert "bronze/notes: 1 item," in said
    assert "1 rows" not in said


def test_no_comment_of_a_declaration_is_a_table(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    rows = [{"x": i, "tags": ["a"] * (i % 3), "who": {"n": i}} for i in range(60)]
    made = desk.add(desk.bring("nested.jsonl", "".join(json.dumps(row) + "\n" for row in rows).encode()))
    source = (desk.root / made.files[0]).read_text()
    assert "shape:" not in source
    assert "such as [], ['a']" in source
    assert list(line.run(desk.project, [made.dataset], "bronze"))


def test_an_extra_is_installed_from_where_the_package_came_from(monkeypatch: pytest.MonkeyPatch) -> None:
    real = metadata.distribution("lakehouse-factory")

    class Installed:
        requires = real.requires

        def __init__(self, origin: dict[str, Any] | None) -> None:
            self.origin = origin

        def read_text(self, name: str) -> str | None:
            return json.dumps(self.origin) if self.origin else None

    monkeypatch.setattr(metadata, "distribution", lambda name: Installed({"url": "file:///tmp", "dir_info": {}}))
    assert install_command("kafka") == "pip install '/tmp[kafka]'"
    monkeypatch.setattr(metadata, "distribution", lambda name: Installed(None))
    assert install_command("kafka").startswith("pip install 'confluent-kafka")
