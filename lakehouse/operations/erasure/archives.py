"""Archives of versions: data files that hold an erased row are written anew there, sealed again, with their checksums.

A version's log names its files whether gold or an archive holds them, so both get the same new names.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
from pyarrow import fs

from lakehouse.core import versions
from lakehouse.core.errors import StorageError
from lakehouse.core.lake.store import store_errors
from lakehouse.core.project import Project
from lakehouse.core.storage import packs
from lakehouse.core.versions import Version
from lakehouse.operations.erasure import history
from lakehouse.operations.erasure.affected_tables import touches
from lakehouse.operations.erasure.history import RewrittenFile
from lakehouse.operations.erasure.removal import Removal
from lakehouse.operations.maintenance.archive import (
    SUMS,
    file_size,
    files_at,
    listed_in,
    open_file,
    packed_name,
    put_file,
    read_file,
    seal_file,
)


@dataclass(frozen=True)
class Archive:
    """An existing archive of a version; `sealed` are the classes of its keys."""

    version: Version
    place: str
    sealed: tuple[str, ...]


def archives(project: Project, dataset: str) -> list[Archive]:
    """The archives of a dataset, also those whose version was brought back into gold, in their last known places.

    Raises:
        StorageError: that of a version which gold has not is not where it was put.
    """
    events = versions.events(project, dataset).filter(pl.col("event").is_in(["archived", "restored"]))
    known = {version.version: version for version in versions.versions(project, dataset)}
    found: dict[tuple[str, str], Archive] = {}
    sealed: dict[str, tuple[str, ...]] = {}
    for name, event, payload in events.select("version", "event", "payload").iter_rows():
        details: dict[str, Any] = json.loads(payload)
        if event == "archived":
            sealed[name] = tuple(details.get("sealed", ()))
        found[name, details["place"]] = Archive(known[name], details["place"], sealed.get(name, ()))
    there = []
    for archive in found.values():
        if _is_there(project, archive):
            there.append(archive)
        elif archive.version.archived and archive.version.archived["place"] == archive.place:
            what = f"the archive of {dataset} {archive.version.label} ({archive.version.version}) is not there"
            raise StorageError(what, where=archive.place, fix="bring it back, so that the rows go there too, and run it again")
    return there


def _is_there(project: Project, archive: Archive) -> bool:
    if "://" not in archive.place and not Path(archive.place).is_dir():
        return False
    return listed_in(files_at(project, archive.place), archive.place) is not None


def held(project: Project, archive: Archive, removal: Removal, folder: Path) -> list[str]:
    """Names of the data files of an archive that hold rows which go, brought to `folder` as gold had them."""
    there, local = files_at(project, archive.place), fs.SubTreeFileSystem(str(folder), fs.LocalFileSystem())
    found = []
    for name in data_names(project, archive):
        data = _bytes(project, archive, there, name)
        (folder / name).write_bytes(data)
        if touches(local, name, removal)[1]:
            found.append(name)
        else:
            (folder / name).unlink()
    return found


def data_names(project: Project, archive: Archive) -> list[str]:
    """Data files of an archive: those listed, those at the place, those in cold packs."""
    there = files_at(project, archive.place)
    listed = listed_in(there, archive.place) or {}
    names = {name.removeprefix("data/") for name in listed if name.startswith("data/")} | set(history.data_files(_below(there)))
    cold = _packed(project, archive)
    return sorted(cold | {name for name in names if file_size(there, f"data/{name}", archive.place) is not None})


def _packed(project: Project, archive: Archive) -> set[str]:
    """Names of data files of an archive that cold packs hold."""
    prefix = packed_name(archive.version, "")
    if not project.settings.storage.locations:
        return set()
    wanted = [item.name for packed in packs.register(project).values() if packed.state == "packed" for item in packed.wanted]
    return {name.removeprefix(prefix) for name in wanted if name.startswith(prefix)}


def _below(there: fs.FileSystem) -> fs.FileSystem:
    return fs.SubTreeFileSystem("data", there)


def _bytes(project: Project, archive: Archive, there: fs.FileSystem, name: str) -> bytes:
    data = read_file(there, f"data/{name}", archive.place)
    if data is None:
        stream = packs.open_item(project, packed_name(archive.version, name))
        if stream is None:
            raise StorageError(f"{name} is not in the archive", where=archive.place, fix="bring a whole copy of the archive")
        with stream:
            data = stream.read()
    return open_file(project, data, f"{archive.place}/data/{name}")


def put(project: Project, archive: Archive, instead: dict[str, list[RewrittenFile]], source: fs.FileSystem) -> None:
    """Write new files beside the old ones of an archive, and list them in their place; the list is written last."""
    there = files_at(project, archive.place)
    sums = dict(listed_in(there, archive.place) or {})
    for old, new in instead.items():
        sums.pop(f"data/{old}", None)
        for written in new:
            with source.open_input_stream(written.name) as handle:
                data = bytes(handle.read())
            sealed = seal_file(project, data, list(archive.sealed)) if archive.sealed else data
            sums[f"data/{written.name}"] = put_file(there, f"data/{written.name}", sealed, archive.place)
    put_file(there, SUMS, "".join(f"{sha}  {name}\n" for name, sha in sums.items()).encode(), archive.place)


def facts(project: Project, archive: Archive) -> dict[str, Any]:
    """The register's entry of an archive's files, as they are listed."""
    there = files_at(project, archive.place)
    names = sorted(name.removeprefix("data/") for name in listed_in(there, archive.place) or {} if name.startswith("data/"))
    sizes = {name: file_size(there, f"data/{name}", archive.place) for name in names}
    packed = {name: packs.find(project, packed_name(archive.version, name)) for name, size in sizes.items() if size is None}
    total = sum(size or 0 for size in sizes.values()) + sum(found[1].size for found in packed.values() if found)
    return {"files": names, "bytes": total}


def drop_old(project: Project, archive: Archive) -> None:
    """Delete data files that an archive lists no more, there and in cold packs."""
    there = files_at(project, archive.place)
    listed = {name.removeprefix("data/") for name in listed_in(there, archive.place) or {}}
    with store_errors(archive.place):
        for name in history.data_files(_below(there)):
            if name not in listed:
                there.delete_file(f"data/{name}")
    prefix = packed_name(archive.version, "")
    if project.settings.storage.locations:
        packs.forget(project, lambda name: name.startswith(prefix) and name.removeprefix(prefix) not in listed)


@contextmanager
def workshop(project: Project) -> Iterator[Path]:
    """A local folder for files of archives under way, empty, gone afterwards."""
    folder = project.state / "erasing"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
