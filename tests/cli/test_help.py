"""The help: it fits a screen, its examples work, and an unknown command says where it is."""

from __future__ import annotations

import inspect
import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from lakehouse.cli import cli
from lakehouse.cli.group import LazyGroup, load
from lakehouse.cli.tree import SECTIONS, Branch, module_of, walk
from tests.system.commands import environment

NODES = dict(walk())
COMMANDS = [path for path, node in NODES.items() if not isinstance(node, Branch)]
REPORTS_NOTHING = {("ui",), ("completion",)}


def words(path: tuple[str, ...]) -> str:
    return " ".join(path)


def shown(path: tuple[str, ...]) -> str:
    done = CliRunner().invoke(cli, [*path, "--help"], env={"COLUMNS": "80"}, catch_exceptions=False)
    assert done.exit_code == 0
    return done.output


def test_the_first_page_fits_a_screen_and_begins_with_what_is_done_every_day() -> None:
    lines = shown(()).splitlines()
    assert len(lines) <= 40
    at = lines.index("Every day:")
    assert [line.split()[0] for line in lines[at + 1 : at + 6]] == ["init", "check", "run", "status", "release"]
    assert [line for line in lines if line.endswith(":")] == ["Options:", *(f"{title}:" for title in SECTIONS)]


@pytest.mark.parametrize("path", [(), *NODES], ids=words)
def test_every_page_holds_at_80_columns(path: tuple[str, ...]) -> None:
    page = shown(path)
    assert max(map(len, page.splitlines())) <= 80
    assert not isinstance(NODES.get(path), Branch) or len(page.splitlines()) <= 40


@pytest.mark.parametrize("path", [(), *NODES], ids=words)
def test_every_page_has_an_example_that_exists_with_its_options(
    path: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for file in ("errors.jsonl", "to-decide.csv"):
        (tmp_path / file).touch()
    node = NODES.get(path)
    text = cli.help if not path else node.help if isinstance(node, Branch) else load(path).help
    (example,) = re.findall(r"^Example: (?:[A-Z_]+=\S+ )*lakehouse (.*)", inspect.cleandoc(text or ""), re.MULTILINE)
    given = shlex.split(example)
    found, rest = command_of(given)
    assert not path or tuple(given[: len(path)]) == path
    found.make_context("example", rest)  # it parses, with all that is required


def command_of(given: list[str]) -> tuple[click.Command, list[str]]:
    """The command that words lead to, and what is left of them."""
    found: click.Command = cli
    while isinstance(found, LazyGroup):
        named = found.get_command(click.Context(found), given[0])
        assert named is not None, given
        found, given = named, given[1:]
    return found, given


@pytest.mark.parametrize("path", COMMANDS, ids=words)
def test_a_command_is_in_the_file_of_its_name_and_reports_as_json(path: tuple[str, ...]) -> None:
    command = load(path)
    assert command.name == path[-1]
    assert command.callback is not None
    assert inspect.unwrap(command.callback).__module__ == module_of(path)
    assert ("--json" in {name for param in command.params for name in param.opts}) == (path not in REPORTS_NOTHING)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["diff", "reviews"], "no command `lakehouse diff`; it is `lakehouse version diff`"),
        (["tickets", "list"], "no command `lakehouse tickets`; it is `lakehouse repair tickets`"),
        (["versions"], "no command `lakehouse versions`; it is `lakehouse version list`"),
        (["import-recipe"], "no command `lakehouse import-recipe`; it is `lakehouse recipe import`"),
        (["version", "trace"], "no command `lakehouse version trace`; it is `lakehouse row trace`"),
        (["version", "lits"], "no command `lakehouse version lits`; did you mean `lakehouse version list`?"),
        (["comapre"], "no command `lakehouse comapre`; did you mean `lakehouse version compare`?"),
        (["repair", "reviews"], "no command `lakehouse repair reviews`; lakehouse repair has: run, tickets"),
        (["xyz"], "no command `lakehouse xyz`; lakehouse --help lists all"),
    ],
)
def test_an_unknown_command_says_where_it_is(given: list[str], message: str) -> None:
    done = CliRunner().invoke(cli, given)
    assert (done.exit_code, done.output) == (2, f"Error: {message}\n")


HEAVY = ("polars", "pandera", "mlflow", "numba", "dagster", "deltalake", "pyarrow", "pydantic", "numpy", "rich")


@pytest.mark.parametrize(
    ("code", "unwanted"),
    [
        ("import lakehouse", (*HEAVY, "click")),
        ("from lakehouse.cli import cli; cli(['--help'], standalone_mode=False)", HEAVY),
        ("from lakehouse.cli import cli; cli(['version', '--help'], standalone_mode=False)", HEAVY),
    ],
)
def test_nothing_heavy_is_imported_before_it_is_needed(code: str, unwanted: tuple[str, ...]) -> None:
    listed = f"import sys; {code}; print([name for name in {unwanted} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", listed], env=environment(), capture_output=True, text=True, check=True)
    assert done.stdout.rstrip().endswith("[]")
