"""Tables of the lake that may hold rows, and the data files in them that an erasure affects."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import polars as pl
import pyarrow.parquet as pq
from pyarrow import fs

from lakehouse.core.lake.parquet.datafiles import file_system
from lakehouse.core.lake.parquet.files import CHUNK_ROWS
from lakehouse.core.lake.store import store_errors, store_options
from lakehouse.core.lake.table import Table
from lakehouse.core.project import Project
from lakehouse.operations.erasure import history
from lakehouse.operations.erasure.removal import Removal

_UNTOUCHED = frozenset(
    ("audit", "collections", "erasures", "files", "keys", "landing", "packs", "plans", "salt", "selftests", "volumes", "work")
)
"""System tables that hold nothing of a row: counts, digests of files, names of keys; and the log, whose chain must not break."""


@dataclass(frozen=True)
class AffectedRows:
    """The rows and files of a table that an erasure affects.

    Attributes:
        name: `layer/table`.
        rows: of the newest version.
        files: data files that are written anew.
        unnamed: data files that no commit names and that hold such rows.
        unbound: files that are here no more and whose bounds in the log are of such rows.
    """

    name: str
    rows: int
    files: tuple[str, ...]
    unnamed: tuple[str, ...]
    unbound: tuple[str, ...]


def tables(project: Project) -> Iterator[tuple[str, Table]]:
    """The tables but bronze, which is erased from last, because its rows decide what goes elsewhere."""
    for layer in ("gold", "silver", "system"):
        at = f"{project.lake}/{layer}"
        files = file_system(at, store_options(at, project.settings.storage_options))
        for found in sorted(files.get_file_info(fs.FileSelector("", allow_not_found=True)), key=lambda one: str(one.base_name)):
            if found.type == fs.FileType.Directory and not (layer == "system" and found.base_name in _UNTOUCHED):
                table = Table(f"{at}/{found.base_name}", project.settings.storage_options)
                if table.exists():
                    yield f"{layer}/{found.base_name}", table


def find(name: str, table: Table, removal: Removal) -> AffectedRows:
    """Look at every data file of a table, also of its older versions and those that a killed write left."""
    files, removal = table.store(), removal.of(name)
    with store_errors(table.uri):
        known, newest = history.added(table), {uri.rsplit("/", 1)[-1] for uri in table.files()}
        rows = 0
        held: list[str] = []
        unnamed: list[str] = []
        standing = history.data_files(files)
        for file in standing:
            gone, changed = touches(files, file, removal)
            if not changed:
                continue
            (held if file in known else unnamed).append(file)
            rows += gone if file in newest else 0
        unbound = [file for file in sorted(known.keys() - set(standing)) if known[file] and removal.speaks(known[file])]
    return AffectedRows(name, rows, tuple(held), tuple(unnamed), tuple(unbound))


def touches(files: fs.FileSystem, name: str, removal: Removal) -> tuple[int, bool]:
    """How many rows of a data file go, and whether anything in it has to change."""
    gone, changed = 0, False
    for rows in read_columns(files, name, removal):
        n, touched = removal.touches(rows)
        gone, changed = gone + n, changed or touched
    return gone, changed


def read_columns(files: fs.FileSystem, name: str, removal: Removal) -> Iterator[pl.DataFrame]:
    """The columns of a data file that decide which rows go; nothing where it has none."""
    with files.open_input_file(name) as handle:
        file = pq.ParquetFile(handle)
        columns = removal.looked_at(file.schema_arrow.names)
        if columns:
            for batch in file.iter_batches(16 * CHUNK_ROWS, columns=columns, use_threads=False):
                yield pl.DataFrame(pl.from_arrow(batch))


def erase(table: Table, found: AffectedRows, removal: Removal, request: str) -> None:
    """Take what was found out of the whole history of a table."""
    with store_errors(table.uri):
        instead = history.written_anew(table, found.files, removal.of(found.name).cut, request)
    if instead or found.unbound:
        history.replace(table, instead, found.unbound)
    history.drop_unnamed(table, list(found.unnamed))
