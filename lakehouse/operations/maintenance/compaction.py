"""Join the small files of the lake's own tables (`system/*`), which grow by one file an event.

Tables of datasets stay as they are: releases, held-out sets and archives need their versions, and a run knows by its Delta version that
a table was not changed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from deltalake.exceptions import DeltaError

from lakehouse.core.lake.store import object_store, storage_error
from lakehouse.core.project import Project
from lakehouse.core.runs.progress import Progress

MANY, SMALL = 20, 256 * 1024
"""A table is compacted from so many files on whose mean size is below so many bytes."""


@dataclass(frozen=True)
class CompactedTable:
    """A table whose small files were joined; the old ones go a week later."""

    table: str
    files_before: int
    files_after: int


def compact(project: Project, progress: Progress) -> Iterator[CompactedTable]:
    """Compact the lake's own tables, and remove files that no state of the last week has.

    Raises:
        StorageError: the store refuses.
    """
    for name in _tables(project):
        table = project.table("system", name)
        if not table.exists():
            continue
        delta = table.delta()
        sizes = delta.get_add_actions(flatten=True).column("size_bytes").to_pylist()
        if len(sizes) < MANY or sum(sizes) / len(sizes) >= SMALL:
            continue
        progress(f"compacting system/{name}", 0, None)
        try:
            delta.optimize.compact()
            table.vacuum([])
        except (DeltaError, OSError) as error:
            raise storage_error(error, table.uri) from error
        yield CompactedTable(f"system/{name}", len(sizes), len(table.files()))


def _tables(project: Project) -> list[str]:
    if "://" not in project.lake:
        return sorted(folder.name for folder in Path(project.lake, "system").glob("*/"))
    import obstore
    from obstore.exceptions import BaseError

    try:
        found = obstore.list_with_delimiter(object_store(project.lake, project.settings.storage_options), "system")
    except (BaseError, OSError) as error:
        raise storage_error(error, project.lake) from error
    return sorted(prefix.rpartition("/")[2] for prefix in found["common_prefixes"])
