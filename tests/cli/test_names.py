"""Commands that the docs and messages name exist, and the docs name every command."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from lakehouse.cli.tree import COMMANDS, Branch, Node, walk

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", ROOT / "CONTEXT.md", *(ROOT / "docs").rglob("*.md")])
FILES = sorted(
    path
    for path in [
        ROOT / "Makefile",
        ROOT / "dvc.yaml",
        *(ROOT / "docs").glob("*.yaml"),
        *ROOT.glob("lakehouse/**/*"),
        *ROOT.glob("assets/**/*"),
    ]
    if path.suffix in (".py", ".yaml", ".yml", ".j2", ".md") or path.name == "Makefile"
)
WORDS = r"lakehouse ((?:[a-z][a-z-]*)(?: [a-z][a-z-]*)*)"
TYPED = re.compile(rf"(?:^|[`$(]|&& )\s*(?:[A-Z_]+=\S+ )*{WORDS}", re.MULTILINE)
NAMED = re.compile(rf"(?<![\w./=-]){WORDS}")


def command_in(words: str) -> tuple[str, ...] | None:
    """The group or command that words begin with; None where one of them should be a command and is none."""
    found: tuple[str, ...] = ()
    nodes: Mapping[str, Node] = COMMANDS
    for word in words.split():
        if word not in nodes:
            return None
        found, node = (*found, word), nodes[word]
        if not isinstance(node, Branch):
            break
        nodes = node.nodes
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_named_in_the_docs_exist(page: Path) -> None:
    assert [words for words in TYPED.findall(page.read_text(encoding="utf-8")) if command_in(words) is None] == []


def texts_of(file: Path) -> Iterator[str]:
    """What a file says to users: all of it, of Python the texts that are no docstrings of functions without a command."""
    text = file.read_text(encoding="utf-8")
    if file.suffix != ".py":
        yield text
        return
    tree = ast.parse(text)
    prose = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            if id(node) not in prose:
                yield node.value
            else:
                yield from re.findall(r"`[^`]*`|^\s*Example: .*", node.value, re.MULTILINE)


def test_commands_named_in_messages_and_files_exist() -> None:
    named = {(file.relative_to(ROOT).as_posix(), words) for file in FILES for text in texts_of(file) for words in NAMED.findall(text)}
    assert len(named) > 100
    assert {(file, words) for file, words in named if command_in(words) is None} == set()


def test_the_docs_name_every_command() -> None:
    page = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
    assert re.findall(r"^#+ lakehouse (.*)", page, re.MULTILINE) == [" ".join(path) for path, _ in walk()]
    by_hand = {
        command_in(words) for each in PAGES if each.name != "commands.md" for words in TYPED.findall(each.read_text(encoding="utf-8"))
    }
    leaves = {path for path, node in walk() if not isinstance(node, Branch)}
    assert leaves - by_hand == {("repair", "tickets", "show"), ("repair", "tickets", "open")}, "docs/repair.md names these in one line"
