"""Where the material of a first contact is, and what a factory keeps of it: a small file is copied, a large one stays where it is."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from lakehouse.core.errors import SourceError
from lakehouse.core.project import Project
from lakehouse.reserve.formats.leftovers import is_hidden

_COPIED_BYTES = 64 * 1024 * 1024
"""Material up to this size is copied into the factory."""


@dataclass(frozen=True)
class Place:
    """Where material is read from.

    Attributes:
        path: in the factory, or outside it.
        notes: what the user should know.
        copied: it was brought into the factory.
    """

    path: Path
    notes: tuple[str, ...] = ()
    copied: bool = False


def placed(project: Project, material: Path) -> Place:
    """Bring a file or a folder into `data/` of the factory, unless it lies in the factory or is large.

    `data/` is kept out of git: what is private in raw material would stay in the history for good. Of a folder the files that
    are not hidden are copied, and what links to files hold; links to folders are not followed, for they may lead in a circle.

    Raises:
        SourceError: it does not exist, or other material has its name.
    """
    if not material.exists():
        raise SourceError(f"`{material}` does not exist", fix="name a file, a folder, an address or a database")
    root, place = project.root.resolve(), material.resolve()
    if place == root or root.is_relative_to(place):
        raise SourceError(f"`{material}` holds the factory itself", fix="name a file or a folder of material")
    files, notes = _files(place) if place.is_dir() else ([place], [])
    if place.is_relative_to(root):
        return Place(place, tuple(notes))
    if sum(file.stat().st_size for file in files) > _COPIED_BYTES:
        large = f"{material.name} is over 64 MiB and stays where it is; a moved factory has to find it again"
        return Place(place, (large, *notes))
    target = root / "data" / place.name
    if target.exists():
        raise SourceError(f"data/{place.name} exists", fix="name the file in data/, or rename yours")
    target.parent.mkdir(exist_ok=True)
    if place.is_dir():
        target.mkdir()
    for file in files:
        copy = target / file.relative_to(place) if place.is_dir() else target
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, copy)
    copied = f"{material.name} was copied to data/, which git does not take; `dvc add data/{place.name}` versions it"
    return Place(target, (copied, *notes), True)


def _files(folder: Path) -> tuple[list[Path], list[str]]:
    """The files below a folder, and which links among them lead to folders, to nothing, or out of it."""
    files, folders, dead, outside = [], [], [], []
    for above, within, names in os.walk(folder):
        folders += [Path(above) / name for name in within if (Path(above) / name).is_symlink()]
        for file in (Path(above) / name for name in sorted(names)):
            if is_hidden(file.relative_to(folder).as_posix()):
                continue
            if not file.is_file():
                dead += [file] if file.is_symlink() else []
                continue
            files.append(file)
            outside += [file] if file.is_symlink() and not file.resolve().is_relative_to(folder) else []
    notes = []
    for found, words in (
        (folders, "links to folders are not followed"),
        (dead, "links lead to nothing and are left out"),
        (outside, "links lead out of the folder, and what they lead to is read"),
    ):
        if found:
            listed = ", ".join(str(each.relative_to(folder)) for each in found[:3]) + (" ..." if len(found) > 3 else "")
            notes.append(f"{len(found):,} {words}: {listed}")
    return files, notes
