"""The living example in a folder of its own: this repository's declarations, with a pilot of one's choice."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import yaml
from filelock import FileLock

from lakehouse.core.project import Project
from lakehouse.operations.line import run

ROOT = Path(__file__).parents[2]


def declarations(folder: Path) -> None:
    """Copy the declarations and contracts."""
    for kind in ("sources", "datasets"):
        shutil.copytree(ROOT / "assets" / kind, folder / "assets" / kind)
    shutil.copytree(ROOT / "contracts", folder / "contracts", ignore=shutil.ignore_patterns("__pycache__"))


def made_to_gold(place: Path, name: str) -> Path:
    """A folder with a dataset of this repository and what it refers to, made as far as gold by the process that asks first.

    It is there to be copied: nothing may be changed in it.
    """
    folder, made = place / f"living_{name}", place / f"living_{name}.made"
    with FileLock(f"{folder}.lock"):
        if not made.exists():
            declarations(folder)
            assert list(run(Project.open(folder), [name], "gold"))
            made.touch()
    return folder


def change(folder: Path, name: str, **changes: Any) -> dict[str, Any]:
    """Change a dataset file; returns what it says then."""
    file = folder / f"assets/datasets/{name}.yaml"
    declared = yaml.safe_load(file.read_text(encoding="utf-8")) | changes
    file.write_text(yaml.safe_dump(declared, sort_keys=False, allow_unicode=True), encoding="utf-8")
    return dict(declared)


def change_pilot(folder: Path, name: str, **changes: Any) -> None:
    """Change keys of the pilot of a dataset."""
    change(folder, name, pilot=change(folder, name)["pilot"] | changes)
