"""One word stands for one idea."""

import ast
from collections import defaultdict
from pathlib import Path

import lakehouse


def test_no_class_name_is_in_two_files() -> None:
    package = Path(lakehouse.__file__).parent
    places = defaultdict(set)
    for file in sorted(package.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                places[node.name].add(str(file.relative_to(package)))
    assert {name: files for name, files in places.items() if len(files) > 1} == {}
