"""The house: ten rooms, imports that run the way the material runs, no circle; imports by string are counted like any other."""

from __future__ import annotations

import ast
from pathlib import Path

from tools.house import FLOORS, PACKAGE, ROOT, imports, room


def test_beside_the_rooms_stands_nothing_but_the_package_file() -> None:
    here = {path.name for path in PACKAGE.iterdir() if path.name != "__pycache__"}
    assert here == {*FLOORS, "__init__.py"}


def test_folders_of_tests_are_rooms() -> None:
    """Beside them: the Dagster code, and runs of the whole factory."""
    here = {folder.name for folder in (ROOT / "tests").iterdir() if any(folder.glob("**/*.py"))}
    assert here <= {*FLOORS, "assets", "system"}


def test_no_room_imports_from_its_own_floor_or_above() -> None:
    upward = [
        f"{module} -> {other}"
        for module, others in imports().items()
        for other in others
        if (here := room(module)) and (there := room(other)) and here != there and FLOORS[here] <= FLOORS[there]
    ]
    assert not upward


def test_no_file_takes_part_in_a_circle() -> None:
    """Tarjan 1972: strongly connected components; each must be one file."""
    edges = imports()
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    circles: list[list[str]] = []

    def visit(module: str) -> None:
        index[module] = low[module] = len(index)
        stack.append(module)
        for other in edges[module]:
            if other not in index:
                visit(other)
                low[module] = min(low[module], low[other])
            elif other in stack:
                low[module] = min(low[module], index[other])
        if low[module] == index[module]:
            at = stack.index(module)
            if len(stack) - at > 1:
                circles.append(stack[at:])
            del stack[at:]

    for module in sorted(edges):
        if module not in index:
            visit(module)
    assert not circles


def test_an_import_by_string_is_seen() -> None:
    assert "lakehouse.governance.access.door" in imports()["lakehouse"]


def test_each_folder_says_in_a_sentence_what_lives_there() -> None:
    silent = [
        str(folder.relative_to(ROOT))
        for folder in [PACKAGE, *PACKAGE.rglob("*")]
        if folder.is_dir()
        and any(folder.glob("*.py"))
        and not (ast.get_docstring(ast.parse((folder / "__init__.py").read_bytes())) if (folder / "__init__.py").exists() else None)
    ]
    assert not silent


def test_only_rooms_that_speak_to_dagster_and_mlflow_import_them() -> None:
    """The core knows no orchestrator; MLflow is known to `pilot/tracking` alone."""
    found: dict[str, set[str]] = {"dagster": set(), "mlflow": set()}
    for file in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_bytes())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module] if isinstance(node, ast.ImportFrom) and node.module else []
            for name in names:
                if (top := name.partition(".")[0]) in found:
                    found[top].add(str(file.relative_to(PACKAGE)))
    assert found["dagster"] == set()
    assert {str(Path(name).parent) for name in found["mlflow"]} == {"pilot/tracking"}
