"""Move bytes between tiers by age, use and worth: hot as they came, warm compressed, cold in packs; reading finds them in any.

Kill-safe: a blob's own bytes go once its compressed form was read back, and either goes once its pack was; what a kill left twice, the
next run removes once.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any, BinaryIO, Literal, cast

import polars as pl

from lakehouse.core import versions
from lakehouse.core.errors import LockedError, SpecError
from lakehouse.core.lake.parquet.datafiles import file_system
from lakehouse.core.lake.store import store_errors, store_options
from lakehouse.core.project import Project
from lakehouse.core.runs.lock import locked
from lakehouse.core.runs.progress import Progress, silent
from lakehouse.core.storage import packs
from lakehouse.core.storage.blobs import Blobs, StoredBlob
from lakehouse.core.storage.packs import PackMember
from lakehouse.core.versions import Version
from lakehouse.operations.history.rows_of_versions import known_datasets
from lakehouse.operations.maintenance.archive import packed_name
from lakehouse.operations.maintenance.compaction import CompactedTable, compact
from lakehouse.operations.maintenance.lifecycle import needed
from lakehouse.reserve.bronze import table as bronze


@dataclass(frozen=True)
class TierMove:
    """Files of one place that changed their tier.

    Attributes:
        place: `blobs`, `landing/<source>`, `sealed/<source>`, or `archive/<dataset>/<version>`.
        before: bytes before the move.
        after: bytes after it; None where not known yet. For cold files, the shards of all locations count.
    """

    place: str
    to: Literal["warm", "cold"]
    files: int
    before: int
    after: int | None


@dataclass(frozen=True)
class TieringResult:
    """The result of a tiering run, or of its dry run.

    Attributes:
        kept: places that stay as they are, and why.
        compacted: tables whose small files were joined.
    """

    moved: tuple[TierMove, ...]
    kept: tuple[tuple[str, str], ...]
    compacted: tuple[CompactedTable, ...]
    dry_run: bool


@dataclass(frozen=True)
class _Cold:
    """A file that is to be packed, and how it is removed afterwards."""

    place: str
    member: PackMember
    bytes: int
    remove: Any


def tier(project: Project, *, dry_run: bool = False, progress: Progress = silent) -> TieringResult:
    """Move the files that `storage` of lakehouse.yaml declares, and join the small files of the lake's own tables.

    Raises:
        SpecError: no tier is declared.
        StorageError: a place cannot be read or written; what was moved until then stays moved.
        LockedError: packs are being written.
    """
    project.whole()
    storage = project.settings.storage
    if storage.warm_after_days is None and storage.cold_after_days is None:
        raise SpecError("no tier is declared", where="lakehouse.yaml", fix="storage: {warm_after_days: 30}, and cold_after_days, locations")
    with ExitStack() as held:
        held.enter_context(locked(project, "storage"))
        moved: list[TierMove] = []
        kept: list[tuple[str, str]] = []
        cold: list[_Cold] = []
        releases = _of_releases(project) if storage.keep_hot == "released" else {}
        stay = _blobs_of(project, releases)
        of_sources = [(f"{folder}/{name}", name) for folder in ("landing", "sealed") for name in sorted(project.sources)]
        for place, source in (("blobs", None), *of_sources):
            if source in releases:
                if Blobs(project, place).kept():
                    kept.append((place, f"{releases[source]} was made from it"))
                continue
            try:
                if source is not None:  # no collection reads or prunes what it landed
                    held.enter_context(locked(project, f"source {source}"))
            except LockedError as error:
                kept.append((place, error.what))
                continue
            cold += _warm(project, place, stay, moved, dry_run=dry_run, progress=progress)
        if storage.cold_after_days is not None:
            cold += _archived(project, _before(storage.cold_after_days))
            moved += _pack(project, cold, dry_run=dry_run, progress=progress)
        compacted = () if dry_run else tuple(compact(project, progress))
    return TieringResult(tuple(moved), tuple(kept), compacted, dry_run)


def _before(days: float) -> datetime:
    return datetime.now(UTC) - timedelta(days=days)


def _of_releases(project: Project) -> dict[str | None, str]:
    """Sources that a current release was made from, with that release."""
    found: dict[str | None, str] = {}
    for name in known_datasets(project):
        released = versions.released(project, name)
        for given in released.manifest["inputs"] if released else ():
            assert released is not None
            found.setdefault(given["source"], f"{name}@v{released.released[-1]}")
    return found


def _blobs_of(project: Project, sources: dict[str | None, str]) -> set[str]:
    """Oversized items of sources."""
    found: set[str] = set()
    for name in sources:
        if name in project.sources and (table := bronze.table(project, name)).exists():
            found |= set(table.scan().select(pl.col("_blob").drop_nulls().unique()).collect()["_blob"])
    return found


def _warm(project: Project, place: str, stay: set[str], moved: list[TierMove], *, dry_run: bool, progress: Progress) -> list[_Cold]:
    """Compress what is due in a place; what of it is due for packs."""
    storage, blobs = project.settings.storage, Blobs(project, place)
    listed = [each for each in blobs.kept() if each.sha256 not in stay]
    files = before = after = 0
    if storage.warm_after_days is not None:
        due = [each for each in listed if not each.form and each.used <= _before(storage.warm_after_days)]
        compressed = {each.sha256 for each in listed if each.form}
        for number, each in enumerate(due):
            progress(f"compressing {place}", number, len(due))
            if dry_run and blobs.shrinks(each.sha256):
                files, before = files + 1, before + each.bytes
            elif dry_run:
                continue
            elif each.sha256 in compressed:
                blobs.drop(each.sha256, "")  # a kill came between the two
            elif (size := blobs.compress(each.sha256)) < each.bytes:
                files, before, after = files + 1, before + each.bytes, after + size
        if files:
            moved.append(TierMove(place, "warm", files, before, None if dry_run else after))
        if not dry_run:
            used = {each.sha256: each.used for each in listed}
            listed = [StoredBlob(k.sha256, k.form, k.bytes, used[k.sha256]) for k in blobs.kept() if k.sha256 in used]
    if storage.cold_after_days is None:
        return []
    unused = _before(storage.cold_after_days)
    return [_cold_blob(blobs, each) for each in listed if each.used <= unused]


def _cold_blob(blobs: Blobs, kept: StoredBlob) -> _Cold:
    member = PackMember(f"{blobs.place}/{kept.sha256[:2]}/{kept.sha256}", partial(blobs.open_kept, kept.sha256, kept.form), kept.form)
    return _Cold(blobs.place, member, kept.bytes, partial(blobs.drop, kept.sha256, kept.form))


def _archived(project: Project, unused: datetime) -> list[_Cold]:
    """Data files of versions that were archived before `unused` and that no one needs."""
    found: list[_Cold] = []
    for name in known_datasets(project):
        for version in versions.versions(project, name):
            known = version.archived
            if known and datetime.fromisoformat(known["at"]) <= unused and not needed(project, version):
                found += _archive_files(project, version, str(known["place"]), known["files"])
    return found


def _archive_files(project: Project, version: Version, place: str, names: list[str]) -> list[_Cold]:
    if "://" not in place and not Path(place).is_dir():
        return []  # on a disk that is not there
    with store_errors(place):
        files = file_system(place, store_options(place, project.settings.storage_options))
        infos = files.get_file_info([f"data/{name}" for name in names])
    return [
        _Cold(
            f"archive/{version.dataset}/{version.version}",
            PackMember(packed_name(version, name), partial(_stream, files, f"data/{name}")),
            info.size,
            partial(files.delete_file, f"data/{name}"),
        )
        for name, info in zip(names, infos, strict=True)
        if info.is_file
    ]


def _stream(files: Any, name: str) -> BinaryIO:
    return cast(BinaryIO, io.BufferedReader(files.open_input_stream(name)))


def _pack(project: Project, cold: list[_Cold], *, dry_run: bool, progress: Progress) -> list[TierMove]:
    """Pack files and remove them where they stood; what a kill left beside its pack is only removed."""
    storage = project.settings.storage
    known = {item.name for packed in packs.register(project).values() if packed.state == "packed" for item in packed.wanted}
    if not dry_run:
        for each in cold:
            if each.member.name in known:
                each.remove()
    cold = [each for each in cold if each.member.name not in known]
    if sum(each.bytes for each in cold) < storage.pack_at_least:
        return []
    share = (storage.data_shards + storage.parity_shards) / storage.data_shards
    for group in [] if dry_run else _filled(cold, storage.pack_bytes):
        packs.pack(project, [each.member for each in group], progress)
        for each in group:
            each.remove()
    moved = []
    for place, files in groupby(cold, key=lambda each: each.place):
        sizes = [each.bytes for each in files]
        moved.append(TierMove(place, "cold", len(sizes), sum(sizes), None if dry_run else round(sum(sizes) * share)))
    return moved


def _filled(cold: list[_Cold], limit: int) -> Iterator[list[_Cold]]:
    """The files in groups of about `limit` bytes."""
    group: list[_Cold] = []
    size = 0
    for each in cold:
        if group and size + each.bytes > limit:
            yield group
            group, size = [], 0
        group.append(each)
        size += each.bytes
    if group:
        yield group
