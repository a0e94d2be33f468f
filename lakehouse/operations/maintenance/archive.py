"""Archive a version: its data files are copied, sealed by checksums, and gold gives back what no other version needs; restore it.

Kill-safe: the list of checksums is written last, so a folder without it is no archive; the index of the rows is in the lake before
the register holds `archived`; files of gold are removed only after that. Whatever is left undone, the same command does.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
from pyarrow import fs

from lakehouse.core import versions
from lakehouse.core.errors import MaintenanceError
from lakehouse.core.hashing import content_id, row_digest
from lakehouse.core.lake.parquet.datafiles import file_system
from lakehouse.core.lake.sealing.files import SEALED
from lakehouse.core.lake.sealing.files import classes as classes_of
from lakehouse.core.lake.sealing.streams import MAGIC, plain_size, seal, unseal
from lakehouse.core.lake.store import store_errors, store_options
from lakehouse.core.project import Project
from lakehouse.core.row_model import ARCHIVED
from lakehouse.core.runs.lock import locked
from lakehouse.core.runs.progress import Progress, silent
from lakehouse.core.storage import packs
from lakehouse.core.storage.keys import opener, sealing_key
from lakehouse.core.versions import Version
from lakehouse.operations.history.rows_of_versions import collect
from lakehouse.operations.maintenance.lifecycle import needed

SUMS, MANIFEST = "SHA256SUMS", "manifest.json"
_CHUNK = 8 * 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class ArchiveResult:
    """The result of archiving or restoring a version.

    Attributes:
        place: folder or URL of the archive.
        files: data files of the version in the archive.
        bytes: their size.
        moved: bytes that gold gave back, or got back.
        unchanged: it was so already; nothing was written.
    """

    dataset: str
    version: str
    label: str
    place: str
    files: int
    bytes: int
    moved: int
    unchanged: bool


def archive(
    project: Project, dataset: str, reference: str, reason: str, by: str, *, to: str | None = None, progress: Progress = silent
) -> ArchiveResult:
    """Write the archive of a version, verify it, and give back the files of gold that only this version needs.

    Args:
        to: folder or URL, in place of `archive` in lakehouse.yaml; the archive is `<to>/<dataset>/<version>`.

    Raises:
        MaintenanceError: someone needs the version, or what was written does not verify; gold stays as it was.
        NotFoundError: no such dataset or version.
        StorageError: a place cannot be read or written, or the version's files are gone.
        LockedError: another run holds the dataset.
    """
    with locked(project, f"dataset {dataset}"):
        version = versions.find(project, dataset, reference)
        known = version.archived
        if known is None:
            if users := needed(project, version):
                raise MaintenanceError(
                    f"{dataset} {version.label} ({version.version}) is needed: {'; '.join(users)}", fix="archive it when no one does"
                )
            place = f"{project.place(to or project.settings.archive)}/{dataset}/{version.version}"
            known = _write(project, version, place, progress)
            progress(f"archiving {dataset} {version.label}: index", 0, None)
            _keep_index(project, version)
            known |= {"reason": reason, "by": by}
            versions.record(project, dataset, version.version, "archived", known)
        freed = _give_back(project, version, known["files"])
        same = version.archived is not None and not freed
        return ArchiveResult(
            dataset=dataset,
            version=version.version,
            label=version.label,
            place=known["place"],
            files=len(known["files"]),
            bytes=known["bytes"],
            moved=freed,
            unchanged=same,
        )


def restore(
    project: Project, dataset: str, reference: str, by: str, *, place: str | None = None, progress: Progress = silent
) -> ArchiveResult:
    """Bring the rows of an archived version back into gold, byte for byte; the archive stays.

    Args:
        place: the present place of the archive, the folder or URL given when it was made; without it, where it was written.

    Raises:
        MaintenanceError: the version is not archived, or the archive does not verify; nothing of it is put into gold.
        NotFoundError: no such dataset or version.
        StorageError: a place cannot be read or written.
        LockedError: another run holds the dataset.
    """
    with locked(project, f"dataset {dataset}"):
        version = versions.find(project, dataset, reference)
        known = version.archived
        if known is None:
            raise MaintenanceError(
                f"{dataset} {version.label} ({version.version}) is not archived", fix=f"lakehouse version list {dataset}"
            )
        at = f"{project.place(place)}/{dataset}/{version.version}" if place else str(known["place"])
        _unpack(project, version, at, known["files"])
        verify(project, version, at, progress)
        gold = project.table("gold", dataset).uri
        there, here = files_at(project, at), files_at(project, gold)
        moved = 0
        for name in known["files"]:
            progress(f"restoring {dataset} {version.label}", 0, None)
            size = file_size(there, f"data/{name}", at) or 0
            sealed = [] if name.endswith(SEALED) else known.get("sealed", [])
            for of in reversed(sealed):
                size = plain_size(size, of)
            if file_size(here, name, gold) == size:  # a killed copy is short
                continue
            if sealed:
                put_file(here, name, open_file(project, read_file(there, f"data/{name}", at) or b"", f"{at}/data/{name}"), gold)
                moved += size
            else:
                moved += _copy(there, f"data/{name}", here, name, gold)[1]
        rows = collect(project.table("gold", dataset).scan(version.gold_version).select("_row_id", "_hash"), f"gold/{dataset}")
        if content_id(rows, "_row_id", "_hash") != version.held_content:
            raise MaintenanceError(f"gold/{dataset} has not the content of {version.label} after all", where=at, fix="run it again")
        versions.record(project, dataset, version.version, "restored", {"place": at, "by": by})
        return ArchiveResult(
            dataset=dataset,
            version=version.version,
            label=version.label,
            place=at,
            files=len(known["files"]),
            bytes=known["bytes"],
            moved=moved,
            unchanged=False,
        )


def verify(project: Project, version: Version, place: str, progress: Progress = silent) -> None:
    """Read an archive whole: each file against its checksum, the rows against their digests, these against the content id.

    Memory: one data file's rows.

    Raises:
        MaintenanceError: what is wrong, the first.
    """
    what = f"the archive of {version.dataset} {version.label}"
    there = "://" in place or Path(place).is_dir()  # a folder that is opened would be made
    listed = listed_in(files := files_at(project, place), place) if there else None
    if listed is None:
        raise MaintenanceError(f"{what} is not there", where=place, fix="name its place: --restore --from PLACE")
    columns = sorted(set(version.manifest["columns"]))
    found = []
    for at, (name, sha) in enumerate(listed.items()):
        progress(f"verifying {what}", at, len(listed))
        data = read_file(files, name, place)
        if data is None or hashlib.sha256(data).hexdigest() != sha:
            state = "is missing" if data is None else "was changed: its SHA-256 differs"
            raise MaintenanceError(f"{what}: {name} {state}", where=place, fix="bring a whole copy of the archive")
        if name.startswith("data/"):
            data = open_file(project, data, f"{place}/{name}")
            rows = pl.read_parquet(data, columns=[*columns, "_row_id", "_split", "_hash"])
            digest = row_digest(dict(rows.schema), [*columns, "_row_id", "_split"])
            if not rows.select((digest == pl.col("_hash")).all()).item():
                raise MaintenanceError(
                    f"{what}: rows of {name} are not those that were sealed", where=place, fix="bring a whole copy of it"
                )
            found.append(rows.select("_row_id", "_hash"))
    if not found or content_id(pl.concat(found), "_row_id", "_hash") != version.held_content:
        raise MaintenanceError(f"{what} has not the content of the version", where=place, fix="bring a whole copy of the archive")


def _write(project: Project, version: Version, place: str, progress: Progress) -> dict[str, Any]:
    """Copy the version's files and seal them, unless the place holds a sealed archive; the entry for the register."""
    table = project.table("gold", version.dataset)
    names = sorted(uri.rsplit("/", 1)[-1] for uri in table.delta(version.gold_version).file_uris())
    here, there = files_at(project, table.uri), files_at(project, place)
    declared = {of for each in version.manifest["inputs"] if (of := project.class_of(each["source"]))}
    classes = sorted(declared.union(*(classes_of(here, table.lake, name) for name in names if name.endswith(SEALED))))
    if listed_in(there, place) is None:
        sums = {}
        for at, name in enumerate(names):
            progress(f"archiving {version.dataset} {version.label}", at, len(names))
            if classes and not name.endswith(SEALED):  # what gold has sealed already is copied
                data = seal_file(project, read_file(here, name, table.uri) or b"", classes)
                sums[f"data/{name}"] = put_file(there, f"data/{name}", data, place)
            else:
                sums[f"data/{name}"] = _copy(here, name, there, f"data/{name}", place)[0]
        manifest = {**version.manifest, "version": version.version, "evaluations": version.evaluations, "gates": version.gates}
        manifest |= {"graded": version.graded, "retired": version.retired}
        text = (json.dumps(manifest, sort_keys=True, indent=1, ensure_ascii=False) + "\n").encode()
        sums[MANIFEST] = put_file(there, MANIFEST, text, place)
        put_file(there, SUMS, "".join(f"{sha}  {name}\n" for name, sha in sums.items()).encode(), place)
    verify(project, version, place, progress)
    size = sum(file_size(there, f"data/{name}", place) or 0 for name in names)
    return {"place": place, "files": names, "bytes": size, **({"sealed": classes} if classes else {})}


def seal_file(project: Project, data: bytes, classes: list[str]) -> bytes:
    """A data file sealed under the key of each class in turn: it opens only while none of them was shredded."""
    for of in classes:
        data = b"".join(seal(iter([data]), sealing_key(project, of)))
    return data


def open_file(project: Project, data: bytes, name: str) -> bytes:
    """A data file as gold has it, whatever it is sealed under."""
    while data.startswith(MAGIC):
        data = b"".join(unseal(io.BytesIO(data).read, opener(project), name))
    return data


def packed_name(version: Version, name: str) -> str:
    """The name of a data file of an archived version in a cold pack."""
    return f"archive/{version.dataset}/{version.version}/data/{name}"


def _unpack(project: Project, version: Version, place: str, names: Iterable[str]) -> None:
    """Bring data files of the archive back from cold packs."""
    if "://" not in place and not Path(place).is_dir():
        return
    there = files_at(project, place)
    for name in names:
        found = packs.find(project, packed_name(version, name))
        if found is None or file_size(there, f"data/{name}", place) == found[1].size:
            continue
        stream = packs.open_item(project, packed_name(version, name))
        assert stream is not None
        with stream, store_errors(place), _sink(there, f"data/{name}") as written:
            while block := stream.read(_CHUNK):
                written.write(block)


def _keep_index(project: Project, version: Version) -> None:
    """Keep which rows the version holds (ARCHIVED), unless the lake does: recall has to answer whatever becomes of the archive."""
    table = project.table("system", "archived")
    mine = (pl.col("dataset") == version.dataset) & (pl.col("version") == version.version)
    if table.exists() and not table.scan().filter(mine).head(1).collect().is_empty():
        return
    rows = collect(versions.index(project, version), f"version {version.label} of {version.dataset}").sort("_row_id")
    table.write(rows.select(pl.lit(version.dataset).alias("dataset"), pl.lit(version.version).alias("version"), *ARCHIVED), "append")


def _give_back(project: Project, version: Version, names: Iterable[str]) -> int:
    """Remove those of an archived version's files that gold's newest state and no version that is not archived need; bytes."""
    table = project.table("gold", version.dataset)
    kept = {uri.rsplit("/", 1)[-1] for uri in table.files()}
    for other in versions.versions(project, version.dataset):
        if other.archived is None:
            kept |= {uri.rsplit("/", 1)[-1] for uri in table.delta(other.gold_version).file_uris()}
    files, freed = files_at(project, table.uri), 0
    for name in sorted(set(names) - kept):
        size = file_size(files, name, table.uri)
        if size is not None:
            with store_errors(table.uri):
                files.delete_file(name)
            freed += size
    return freed


def files_at(project: Project, uri: str) -> fs.FileSystem:
    return file_system(uri, store_options(uri, project.settings.storage_options))


def listed_in(files: fs.FileSystem, place: str) -> dict[str, str] | None:
    """Checksums by path, as the archive lists them; None where there is no list, so no archive."""
    text = read_file(files, SUMS, place)
    return None if text is None else {name: sha for sha, name in (line.split("  ", 1) for line in text.decode().splitlines())}


def file_size(files: fs.FileSystem, name: str, place: str) -> int | None:
    """Bytes of a file; None where there is none."""
    with store_errors(place):
        (found,) = files.get_file_info([name])
    return int(found.size) if found.is_file else None


def read_file(files: fs.FileSystem, name: str, place: str) -> bytes | None:
    """A file whole; None where there is none."""
    if file_size(files, name, place) is None:
        return None
    with store_errors(place), files.open_input_stream(name) as handle:
        return bytes(handle.read())


def put_file(files: fs.FileSystem, name: str, content: bytes, place: str) -> str:
    """Write a file; its SHA-256."""
    with store_errors(place), _sink(files, name) as handle:
        for at in range(0, len(content), _CHUNK):
            handle.write(content[at : at + _CHUNK])
    return hashlib.sha256(content).hexdigest()


def _sink(files: fs.FileSystem, name: str) -> pa.NativeFile:
    """A file to write to, through a buffer larger than what is written at once: delta-rs' store takes bytes, not Arrow's buffers."""
    if isinstance(files, fs.SubTreeFileSystem):
        files.create_dir(name.rpartition("/")[0] or ".", recursive=True)
    return files.open_output_stream(name, buffer_size=2 * _CHUNK)


def _copy(source: fs.FileSystem, name: str, target: fs.FileSystem, as_name: str, place: str) -> tuple[str, int]:
    """Copy a file some megabytes at a time; its SHA-256 and size."""
    sha, size = hashlib.sha256(), 0
    with store_errors(place), source.open_input_stream(name) as read, _sink(target, as_name) as written:
        while block := read.read(_CHUNK):
            written.write(block)
            sha.update(block)
            size += len(block)
    return sha.hexdigest(), size
