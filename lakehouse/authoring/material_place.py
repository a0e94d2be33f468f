"""Where the material of a first contact is, and what a factory keeps of it: a small file is copied, a large one stays where it is."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from lakehouse.core.errors import SourceError
from lakehouse.core.project import Project

_COPIED_BYTES = 64 * 1024 * 1024
"""Material up to this size is copied into the factory."""


@dataclass(frozen=True)
class Place:
    """Where material is read from.

    Attributes:
        path: in the factory, or outside it.
        note: what the user should know; empty: it lies in the factory already.
    """

    path: Path
    note: str


def placed(project: Project, material: Path) -> Place:
    """Bring a file or a folder into `data/` of the factory, unless it lies in the factory or is large.

    `data/` is kept out of git: what is private in raw material would stay in the history for good.

    Raises:
        SourceError: it does not exist, or other material has its name.
    """
    if not material.exists():
        raise SourceError(f"`{material}` does not exist", fix="name a file, a folder, an address or a database")
    root, place = project.root.resolve(), material.resolve()
    if place.is_relative_to(root):
        return Place(place, "")
    size = sum(file.stat().st_size for file in place.rglob("*") if file.is_file()) if place.is_dir() else place.stat().st_size
    if size > _COPIED_BYTES:
        return Place(place, f"{material.name} is over 64 MiB and stays where it is; a moved factory has to find it again")
    target = root / "data" / place.name
    if target.exists():
        raise SourceError(f"data/{place.name} exists", fix="name the file in data/, or rename yours")
    target.parent.mkdir(exist_ok=True)
    if place.is_dir():
        shutil.copytree(place, target)
    else:
        shutil.copyfile(place, target)
    return Place(target, f"{material.name} was copied to data/, which git does not take; `dvc add data/{place.name}` versions it")
