"""What a Python module computes, told from its words: a digest of its syntax tree, and the modules that it imports from.

To parse a module takes milliseconds, and a command asks for a hundred. What was found stands, by the bytes of the module, in a file of
Python's bytecode cache; where nothing may be written there, modules are parsed each time.
"""

from __future__ import annotations

import ast
import hashlib
import json
import sys
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_CACHE = Path(__file__).parent / "__pycache__" / f"syntax.{sys.implementation.cache_tag}.jsonl"
"""A line a module; lines are only ever appended, so that processes need not wait for one another."""


@dataclass(frozen=True)
class Syntax:
    """Of one module.

    Attributes:
        digest: hex SHA-256 of its syntax tree, docstrings, comments and `description=` left out.
        imports: what stands in its `from MODULE import NAME, ...`, modules by their full names.
    """

    digest: str
    imports: tuple[tuple[str, tuple[str, ...]], ...]


def syntax(file: Path) -> Syntax:
    """The syntax of a module's file, as it is at this moment.

    Raises:
        SyntaxError: it is no Python.
    """
    source = file.read_bytes()
    key = hashlib.sha256(_itself() + source).hexdigest()
    if key not in (known := _known()):
        known[key] = _parsed(source)
        _remember(key, known[key])
    return known[key]


def _parsed(source: bytes) -> Syntax:
    tree = ast.parse(source)
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module]
    found = tuple((str(node.module), tuple(alias.name for alias in node.names)) for node in imports)
    return Syntax(hashlib.sha256(ast.dump(_without_words(tree)).encode()).hexdigest(), found)


def _without_words(tree: ast.Module) -> ast.Module:
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            body = node.body
            if body and isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant) and isinstance(body[0].value.value, str):
                node.body = body[1:] or [ast.Pass()]
        elif isinstance(node, ast.Call):
            node.keywords = [keyword for keyword in node.keywords if keyword.arg != "description"]
    return tree


@cache
def _itself() -> bytes:
    """Digest of this module: what another one found does not count."""
    return hashlib.sha256(Path(__file__).read_bytes()).digest()


@cache
def _known() -> dict[str, Syntax]:
    """What this and earlier processes found, by digest; a line that was cut off is passed over."""
    known: dict[str, Syntax] = {}
    with suppress(OSError):
        for line in _CACHE.read_text(encoding="utf-8").splitlines():
            with suppress(ValueError, TypeError):
                key, digest, imports = json.loads(line)
                known[key] = Syntax(digest, tuple((module, tuple(names)) for module, names in imports))
    return known


def _remember(key: str, found: Syntax) -> None:
    if sys.dont_write_bytecode:
        return
    with suppress(OSError):
        _CACHE.parent.mkdir(exist_ok=True)
        with _CACHE.open("a", encoding="utf-8") as file:
            file.write(json.dumps([key, found.digest, found.imports]) + "\n")
