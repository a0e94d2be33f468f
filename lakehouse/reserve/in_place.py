"""Sources that stay where they are (`mode: virtual`): bronze holds which rows there are, and values are read where they stand.

A row is found again by its `_content`, the SHA-256 of its values: what is read is what was indexed, wherever it stands by now, or an error.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import polars as pl

from lakehouse import bronze
from lakehouse.errors import SourceError
from lakehouse.project import Project
from lakehouse.reserve.batches import BATCH_BYTES, Batches
from lakehouse.reserve.material import Feed, RawFile


@runtime_checkable
class InPlace(Protocol):
    """What a connector returns whose material can be read where it stands, again and again."""

    def in_place(self, project: Project, source: str) -> Feed:
        """The material as it is now, none of it copied.

        Raises:
            SourceError: unreachable, refused, or not what it should be.
        """


@dataclass(frozen=True)
class Standing:
    """Material where it stands.

    Attributes:
        state: changes whenever the material does.
        stands: what is opened there.
    """

    state: str
    stands: tuple[RawFile, ...]

    def fingerprint(self, project: Project) -> str:
        """The state."""
        return self.state

    def files(self, project: Project) -> list[RawFile]:
        """What is opened where it stands."""
        return list(self.stands)


def values(project: Project, name: str, columns: Sequence[str], rows: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """Own `columns` of `rows` (`_content`, `_uri` and others) of a virtual source beside these, some megabytes at a time.

    Files in which the rows were last seen are read first, the others where rows are missing still. All columns are read, for a row is known
    by all its values.

    Raises:
        SourceError: the material cannot be read, or some rows are not there any more.
    """
    from lakehouse.reserve.collect import material_of

    source, stored = project.source(name), bronze.table(project, name).schema()
    files = material_of(project, name, lambda found: False).files(project)
    seen = set(rows["_uri"].drop_nulls())
    missing = rows
    for group in ([file for file in files if file.uri in seen], [file for file in files if file.uri not in seen]):
        if missing.is_empty():
            return
        for frame in Batches(project, source, group, BATCH_BYTES, stored):
            here = frame.select("_content", *columns).unique("_content", keep="first", maintain_order=True)
            found = missing.join(here, on="_content", how="inner", maintain_order="right")
            if found.is_empty():
                continue
            missing = missing.join(here, on="_content", how="anti", maintain_order="left")
            yield found
            if missing.is_empty():
                return
    if not missing.is_empty():
        first = missing["_row_id"][0] if "_row_id" in missing.columns else missing["_uri"][0]
        raise SourceError(
            f"{missing.height:,} rows of the virtual source {name} are not there as they were indexed, the first is {first}",
            fix=f"the material changed: lakehouse collect {name}",
        )
