"""Completion: the scripts of the shells, what real bash completes with its, and at what cost."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from lakehouse.cli import cli
from tests.system.commands import environment

COMPLETE = """
eval "$(lakehouse completion bash)"
COMP_WORDS=(lakehouse "$@"); COMP_CWORD=$#
_lakehouse_completion lakehouse
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.fixture
def declared(tmp_path: Path) -> Path:
    for file in ("datasets/reviews.yaml", "datasets/news.yml", "datasets/notes.txt", "sources/reviews_raw.yaml"):
        (tmp_path / "assets" / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "assets" / file).touch()
    return tmp_path


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")
@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        (["ver"], ["version"]),
        (["version", "di"], ["diff", "diagnose"]),
        (["repair", "tickets", "e"], ["export"]),
        (["run", ""], ["news", "reviews"]),
        (["version", "list", "r"], ["reviews"]),
        (["collect", ""], ["reviews_raw"]),
        (["run", "news", "--json", ""], ["news", "reviews"]),
        (["run", "--to", "s"], ["silver"]),
        (["version", "diff", "reviews", ""], []),
        (["completion", "z"], ["zsh"]),
        (["completion", "--h"], ["--help"]),
    ],
)
def test_bash_completes(declared: Path, typed: list[str], offered: list[str]) -> None:
    path = f"{Path(sys.executable).parent}:{environment()['PATH']}"
    command = ["bash", "--norc", "-c", COMPLETE, "bash", *typed]
    done = subprocess.run(command, cwd=declared, env=environment(PATH=path), capture_output=True, text=True, check=True)
    assert (done.stdout.split(), done.stderr) == (offered, "")


def test_names_are_completed_without_heavy_imports(declared: Path) -> None:
    code = (
        "import atexit, sys; from lakehouse.cli import main; "
        "atexit.register(lambda: print([m for m in ('polars', 'pydantic', 'rich', 'yaml') if m in sys.modules])); "
        "sys.argv = ['lakehouse']; main()"
    )
    variables = environment(_LAKEHOUSE_COMPLETE="bash_complete", COMP_WORDS="lakehouse run re", COMP_CWORD="2")
    done = subprocess.run([sys.executable, "-c", code], cwd=declared, env=variables, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["plain,reviews", "[]"]


@pytest.mark.parametrize(
    ("shell", "words"), [("bash", "complete -o nosort"), ("zsh", "#compdef lakehouse"), ("fish", "complete --no-files")]
)
def test_the_script_of_each_shell(shell: str, words: str) -> None:
    done = CliRunner().invoke(cli, ["completion", shell])
    assert done.exit_code == 0
    assert words in done.output
    assert "_LAKEHOUSE_COMPLETE" in done.output
