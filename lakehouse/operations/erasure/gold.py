"""Gold with the archives of its versions, and the entry in the register of a version that lost rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
from pyarrow import fs

from lakehouse.core import versions
from lakehouse.core.errors import StorageError
from lakehouse.core.hashing import content_id
from lakehouse.core.lake.store import store_errors
from lakehouse.core.lake.table import Table
from lakehouse.core.project import Project
from lakehouse.core.versions import Version
from lakehouse.operations.erasure import archives, history
from lakehouse.operations.erasure.affected_tables import AffectedRows
from lakehouse.operations.erasure.archives import Archive
from lakehouse.operations.erasure.history import RewrittenFile
from lakehouse.operations.erasure.removal import Removal
from lakehouse.operations.history.rows_of_versions import collect


def erase(project: Project, dataset: str, table: Table, found: AffectedRows, removal: Removal, request: str) -> list[Archive]:
    """Take what was found out of gold's whole history and out of the archives of its versions; returns the archives that changed."""
    files, removal = table.store(), removal.of(found.name)
    with store_errors(table.uri):
        instead = history.written_anew(table, found.files, removal.cut, request)
    changed = []
    with archives.workshop(project) as folder:
        local = fs.SubTreeFileSystem(str(folder), fs.LocalFileSystem())
        for archive in archives.archives(project, dataset):
            held = archives.held(project, archive, removal, folder)
            if not held:
                continue
            mine = {name: instead.get(name) or history.write_cut(local, name, local, removal.cut, request) for name in held}
            for name, new in mine.items():
                _bring(new, files if name in instead else local, local, folder)
            archives.put(project, archive, mine, local)
            # Files that only the archive has are named by gold's log as well.
            instead |= {name: new for name, new in mine.items() if name not in instead}
            changed.append(archive)
    unbound = [name for name in found.unbound if name not in instead]
    if instead or unbound:
        history.replace(table, instead, unbound)
    history.drop_unnamed(table, list(found.unnamed))
    return changed


def _bring(new: list[RewrittenFile], source: fs.FileSystem, local: fs.FileSystem, folder: Path) -> None:
    for written in new:
        if not (folder / written.name).exists():
            with source.open_input_stream(written.name) as read, local.open_output_stream(written.name) as out:
                out.write(read.read())


def lost(project: Project, dataset: str) -> list[tuple[Version, pl.DataFrame]]:
    """The versions that have fewer rows than the register knows, with what they have left (ARCHIVED)."""
    found = []
    for version in versions.versions(project, dataset):
        known = sum(version.held_rows.values())
        try:
            index = versions.index(project, version)
            if index.select(pl.len()).collect().item() != known:
                found.append((version, collect(index, f"version {version.label} of {dataset}")))
        except (StorageError, OSError, pl.exceptions.PolarsError):
            continue  # its files were cleaned up: it has no rows to lose
    return found


def note(project: Project, dataset: str, request: str, changed: list[Archive]) -> None:
    """Record `erased` of every version that lost rows: how many, what is left, and its place."""
    moved = {(archive.version.version, archive.place): archives.facts(project, archive) for archive in changed}
    for version, left in lost(project, dataset):
        known = version.archived
        payload: dict[str, Any] = {
            "request": request,
            "rows": sum(version.held_rows.values()) - left.height,
            "splits": dict(left.group_by("_split").len().sort("_split").iter_rows()),
            "content_id": content_id(left, "_row_id", "_hash"),
            "stands": {"archive": known["place"]} if known else {"table": f"gold/{dataset}", "delta_version": version.gold_version},
        }
        if known and (facts := moved.get((version.version, known["place"]))):
            payload["archived"] = facts
        versions.record(project, dataset, version.version, "erased", payload)
