"""Digest of a file of Python code by what it does: identity of contracts and of operators from outside this package."""

from __future__ import annotations

import ast
import hashlib
import json
from pathlib import Path
from typing import Any


def code_digest(path: Path) -> str:
    """First 16 hex digits of SHA-256 over what a Python file does: its syntax tree without docstrings and descriptions.

    Comments and layout do not count, nor which Python reads the file (3.11 to 3.13 give one digest).

    Raises:
        SyntaxError: it is no Python.
    """
    return hashlib.sha256(json.dumps(syntax_tree(ast.parse(path.read_bytes()))).encode()).hexdigest()[:16]


def syntax_tree(node: ast.AST) -> list[Any]:
    """A node's class and its fields that are not empty, so that a field which a later Python adds does not count where it is unused."""
    found: list[Any] = [type(node).__name__]
    with_docstring = isinstance(node, ast.Module | ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and ast.get_docstring(node)
    for name, value in ast.iter_fields(node):
        if name == "body" and with_docstring:
            value = value[1:]
        elif name == "keywords" and isinstance(node, ast.Call):
            value = [keyword for keyword in value if keyword.arg != "description"]
        if value not in (None, []):
            found.append([name, _field(value)])
    return found


def _field(value: Any) -> Any:
    if isinstance(value, ast.AST):
        return syntax_tree(value)
    if isinstance(value, list):
        return [_field(each) for each in value]
    return value if isinstance(value, str | int | None) else repr(value)
