"""Bytes outside tables: landed pieces, oversized items, cold packs, files kept on this machine between runs."""

from __future__ import annotations

import shutil

import polars as pl

from lakehouse.core.project import Project
from lakehouse.core.storage import packs
from lakehouse.core.storage.blobs import oversized_blobs
from lakehouse.operations.erasure.rows import stored
from lakehouse.reserve.bronze import table as bronze
from lakehouse.reserve.bronze.erased_items import erased_of
from lakehouse.reserve.bronze.erased_pieces import erase_landed
from lakehouse.reserve.landing.landing import Landing, Remote
from lakehouse.reserve.source import feed


def erase_blobs(project: Project, source: str, ids: list[str], contents: pl.Series) -> int:
    """Delete oversized items of rows that go, by id or content, and that no other row of any source has; returns their number."""
    mine = stored(project, source)
    going = pl.col("_row_id").is_in(pl.Series(ids, dtype=pl.String).implode()) | pl.col("_content").is_in(contents.implode())
    going = going.fill_null(False)
    wanted = set(mine.filter(~going)["_blob"].drop_nulls())
    for other in project.sources:
        if other != source and bronze.table(project, other).exists():
            wanted |= set(stored(project, other)["_blob"].drop_nulls())
    gone = set(mine.filter(going)["_blob"].drop_nulls()) - wanted
    blobs = oversized_blobs(project, source)
    for sha256 in sorted(gone):
        blobs.discard(sha256)
    if gone and project.settings.storage.locations:
        packs.forget(project, lambda name: name.startswith(f"{blobs.place}/") and name.rpartition("/")[2] in gone)
    return len(gone)


def erase_pieces(project: Project, source: str) -> int:
    """Take the erased items of a source out of what has landed of it; returns the number of pieces that held one."""
    remote, erased = feed(project, source), erased_of(project, source)
    if not isinstance(remote, Remote) or erased is None:
        return 0
    held = erase_landed(project, source, remote, erased)
    Landing(project, source, remote.identity, remote.grows).prune()
    return held


def clear_state(project: Project) -> None:
    """Delete what this machine keeps between runs, but for locks: staged units, partial downloads, unpacked archives, learnt models."""
    for found in project.state.iterdir() if project.state.is_dir() else ():
        if found.name == "locks":
            continue
        if found.is_dir():
            shutil.rmtree(found)
        else:
            found.unlink()
