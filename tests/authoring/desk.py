"""A factory to which material is added, empty or with one dataset of notes."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from lakehouse.authoring.add import Added, add
from lakehouse.core.project import Project
from lakehouse.core.row_model import GOLD
from lakehouse.operations import line


class Desk:
    """A factory in a folder of its own, and a folder beside it for what a person brings."""

    def __init__(self, folder: Path) -> None:
        self.root, self.brought = folder / "factory", folder / "brought"
        for place in ("assets/sources", "assets/datasets", "contracts"):
            (self.root / place).mkdir(parents=True)
        self.brought.mkdir()

    @property
    def project(self) -> Project:
        return Project.open(self.root)

    def bring(self, name: str, data: bytes) -> Path:
        """A file that a person has."""
        file = self.brought / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
        return file

    def add(self, material: Path | str, **given: str) -> Added:
        return add(self.project, str(material), **given)  # type: ignore[arg-type]

    def gold(self, dataset: str) -> pl.DataFrame:
        """The own columns of gold, by row id, made now."""
        list(line.run(self.project, [dataset], "gold"))
        rows = self.project.table("gold", dataset).read().sort("_row_id")
        return rows.select([c for c in rows.columns if c not in GOLD])


ROWS = "id,text,price,label\n" + "".join(f"{i},words that differ from row to row {i * 7919} {i},{i}.5,{'ab'[i % 2]}\n" for i in range(60))
"""Sixty notes with a text, a price and a label."""


def desk_of_notes(folder: Path) -> Desk:
    """A factory with the dataset `notes`."""
    desk = Desk(folder)
    desk.add(desk.bring("notes.csv", ROWS.encode()), label="label")
    return desk
