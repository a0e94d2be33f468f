"""The first rows of a source, read as a collection would read them; nothing is written to bronze."""

from __future__ import annotations

import polars as pl

from lakehouse.core.errors import SourceError
from lakehouse.core.project import Project
from lakehouse.core.runs.lock import locked
from lakehouse.reserve.bronze.batches import Batches
from lakehouse.reserve.source import material_of


def sample_rows(project: Project, name: str, rows: int = 10_000) -> pl.DataFrame:
    """At most about `rows` readable items of a declared source, in its own columns.

    Raises:
        SourceError: as a collection of it would; also where no item can be read.
    """
    with locked(project, f"source {name}"):  # what is elsewhere lands first
        files = material_of(project, name, lambda found: False).files(project)
    batches = Batches(project, project.source(name), files, 4 * 1024 * 1024, None)
    held: list[pl.DataFrame] = []
    for frame in batches:
        held.append(frame.filter(pl.col("_findings").list.len() == 0).select(list(batches.own)))
        if sum(f.height for f in held) >= rows:
            break
    found = pl.concat(held) if held else pl.DataFrame()
    if found.is_empty():
        named = ", ".join(file.uri for file in files[:3])
        raise SourceError(f"{named} holds no readable item", fix="look at the file: is it empty, or of another format?")
    return found
