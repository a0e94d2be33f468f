"""Collect a source into bronze: append what is new or changed, a tombstone for what vanished, in one commit."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import polars as pl

from lakehouse.core.errors import SourceError
from lakehouse.core.hashing import canonical, digest
from lakehouse.core.project import Project
from lakehouse.core.row_model import BRONZE
from lakehouse.core.runs.progress import Progress, silent
from lakehouse.core.runs.run import run
from lakehouse.core.spec import Source
from lakehouse.core.storage.blobs import oversized_blobs
from lakehouse.core.storage.keys import ready
from lakehouse.reserve.bronze import table as bronze
from lakehouse.reserve.bronze.batches import BATCH_BYTES, Batches
from lakehouse.reserve.bronze.collections import CollectionRecord, last_collection, record
from lakehouse.reserve.bronze.erased_items import ErasedItems, erased_of
from lakehouse.reserve.bronze.erased_pieces import erase_pieces
from lakehouse.reserve.bronze.rows import CollectedRows
from lakehouse.reserve.bronze.unchanged import UnchangedFiles, carried, remember
from lakehouse.reserve.connectors import CONNECTORS
from lakehouse.reserve.formats import FORMATS
from lakehouse.reserve.landing.landing import LandedFeed
from lakehouse.reserve.material import Feed
from lakehouse.reserve.source import material_of

VERSION = 1
"""Of the collector: raised by hand when the same files give other rows, ids or findings; every source is then read again."""


@dataclass(frozen=True, kw_only=True)
class Collection:
    """The result of a collection.

    Attributes:
        content_id: identity of the live rows; the data version of the source.
        delta_version: of `bronze/<source>`.
        collection: its number.
        live: rows that the source holds now.
        added: rows that are new.
        changed: rows with other content.
        vanished: rows that are gone.
        findings: number of live rows by finding.
        erased: items that were left out, since they were erased.
        warnings: files that were skipped and why.
        unchanged: nothing was appended.
        seconds: wall time.
    """

    source: str
    content_id: str
    delta_version: int
    collection: int
    live: int
    added: int
    changed: int
    vanished: int
    findings: dict[str, int]
    erased: int
    warnings: tuple[str, ...]
    unchanged: bool
    seconds: float


def collect(project: Project, name: str, *, progress: Progress = silent, batch_bytes: int = BATCH_BYTES) -> Collection:
    """Bring bronze up to date with the source.

    Memory is bounded by `batch_bytes` and about 200 bytes a live row. A killed run leaves bronze at its last version.

    Raises:
        NotFoundError, SpecError: no such source, or wrongly declared.
        SourceError: the material is missing, damaged, empty, or lost more items than `max_vanished` allows; nothing is written.
        ShapeError: its columns are not the declared ones or those bronze has; nothing is written.
        LockedError: another run collects it. StorageError: the lake cannot be written.
    """
    with run(project, f"source {name}", progress) as work:
        bronze.refuse_half_erased(project, name)
        made = _collect(project, name, work.progress, batch_bytes)
        if not made.unchanged:
            work.record("collect", name, made.added + made.changed)
        return made


def _collect(project: Project, name: str, progress: Progress, batch_bytes: int) -> Collection:
    started = time.monotonic()
    source, table = project.source(name), bronze.table(project, name)
    # What another run commits from here on, while the material is fetched or read, makes the write below fail.
    version = table.version()
    virtual = bronze.is_virtual(project, name)
    ready(project, table.sealed())
    last, reading = last_collection(project, name), reading_of(source)

    formats = {format: of.version for format, of in FORMATS.items()}

    def read_by(material: Feed) -> str:
        return digest({"material": material.fingerprint(project), "reading": reading, "formats": formats})

    material = material_of(project, name, lambda found: last is not None and last.fingerprint == read_by(found), progress=progress)
    fingerprint = read_by(material)
    if last is not None and last.fingerprint == fingerprint and last.delta_version == version:
        progress(f"{name}: unchanged", last.live, last.live)
        if isinstance(material, LandedFeed) and material.landing.spoilt:
            material.landing.prune()
        return _as_it_was(name, last, time.monotonic() - started)
    number = (last.collection if last else 0) + 1
    if version is not None:
        number = max(number, (table.scan(version).select(pl.col("_collection").max()).collect().item() or 0) + 1)
    files, index = material.files(project), bronze.live_index(project, name, "_uri", "_findings", version=version)
    grows = isinstance(material, LandedFeed) and material.remote.grows
    if grows:
        batch_bytes = max(batch_bytes, BATCH_BYTES)  # a piece is one frame, so that the last row of a key in it is known
    erased = erased_of(project, name)
    untouched = last is not None and last.delta_version == version
    if erased is not None and source.key != "position" and not grows:
        untouched = False  # copies of a key are numbered, and of those that were erased bronze knows nothing
    kept = carried(project, name, source.key, files, reading, index, grows=grows) if untouched else UnchangedFiles()
    unread = [file for file in files if file.name not in kept.files]
    stored = bronze.stored_columns(project, name, version)
    batches = Batches(project, source, unread, batch_bytes, stored)
    if batches.retyped and kept.files:
        kept = UnchangedFiles()  # bronze is written anew, in the types that are declared now
        unread = files
        batches = Batches(project, source, unread, batch_bytes, stored)
    taken = CollectedRows(
        source=source,
        number=number,
        batches=batches,
        index=index,
        carried=kept,
        progress=progress,
        grows=grows,
        erased=erased,
        anew=bool(batches.retyped),
    )
    frames = taken.frames()
    try:
        first = next(frames, None)
        if first is not None:
            schema = pl.Schema({**BRONZE, **batches.own})
            version = table.write(
                _chain(first, frames),
                "overwrite" if batches.retyped else "append",
                schema=schema,
                metadata={"collection": str(number), "fingerprint": fingerprint, "kinds": canonical(dict(batches.kinds))},
                after=-1 if version is None else version,
                evolve=batches.evolves,
                description=bronze.VIRTUAL if virtual else None,
            )
    except SourceError:
        if isinstance(material, LandedFeed):
            material.landing.refuse()
        raise
    if version is None:
        raise SourceError(f"every item of source {name} was erased; there is nothing to collect")
    content = bronze.source_content_id(taken.live())
    findings = dict(sorted(taken.findings.items()))
    remember(project, name, number, [(file, taken.per_file[file.name], grows or file.name not in taken.moved) for file in unread], reading)
    counts = {"live": taken.count, "added": taken.added, "changed": taken.changed, "vanished": taken.vanished}
    made: dict[str, Any] = {
        "collection": number,
        "content_id": content,
        "delta_version": version,
        "findings": findings,
        "erased": taken.left_out,
        **counts,
    }
    record(project, source=name, fingerprint=fingerprint, reading=reading, **made)
    if erased is not None:
        _leave_out(project, name, material, taken, erased)
    if isinstance(material, LandedFeed):
        material.landing.prune()
    seconds = time.monotonic() - started
    return Collection(source=name, warnings=tuple(batches.warnings), unchanged=first is None, seconds=seconds, **made)


def _leave_out(project: Project, name: str, material: Feed, taken: CollectedRows, erased: ErasedItems) -> None:
    """Delete what reading the material has brought of erased items: landed bytes, and oversized items that no row has."""
    if isinstance(material, LandedFeed):
        pieces = [piece for piece in material.landing.pieces if material.remote.file(piece, material.landing).name in taken.left_in]
        erase_pieces(project, material.landing, material.remote, erased, pieces)
    if taken.left_blobs:
        stand: set[str] = set()
        for other in (*project.sources, *project.broken("sources")):
            if (table := bronze.table(project, other)).exists():
                stand |= set(table.scan().select(pl.col("_blob").drop_nulls().unique()).collect()["_blob"])
        for blob in taken.left_blobs - stand:
            oversized_blobs(project, name).discard(blob)


def _as_it_was(name: str, last: CollectionRecord, seconds: float) -> Collection:
    return Collection(
        source=name,
        content_id=last.content_id,
        delta_version=last.delta_version,
        collection=last.collection,
        live=last.live,
        added=0,
        changed=0,
        vanished=0,
        findings=last.findings,
        erased=last.erased,
        warnings=(),
        unchanged=True,
        seconds=seconds,
    )


def reading_of(source: Source) -> str:
    """Identity of how the declaration reads the material: the versions of the connector and of the collector; each format has its own."""
    declared = source.model_dump(include={"connector", "key", "columns", "max_item_bytes", "mode"})
    return digest({"declared": declared, "connector": CONNECTORS.entry(source.connector).code(), "collector": VERSION})


def _chain(first: pl.DataFrame, others: Iterator[pl.DataFrame]) -> Iterator[pl.DataFrame]:
    yield first
    yield from others
