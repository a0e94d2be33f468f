"""Take rows out of a Delta table's whole history: its data files and its log, while every version keeps its number, time and metadata.

Delta has no operation for it: a version once committed is not changed, and `vacuum` can only forget versions whole. So each data file that
holds such a row is written anew under another name, and each commit that names the file is made to name the other one. The order is what
makes it survive a kill at any moment, on a folder or an object store, where each single file is replaced whole or not at all:

1. the new files, under names that follow from the request and the old name, so that a second run makes the same;
2. checkpoints go: the log is whole without them, and they hold bounds of the values;
3. commits that remove an old file remove the new one too (removing what is not there changes nothing);
4. commits that add an old file add the new one instead: whichever of them are done, each version holds one of the two;
5. what step 3 left twice goes, then the old files, then a checkpoint is made.
"""

from __future__ import annotations

import json
import os
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import fs

from lakehouse.core.errors import StorageError
from lakehouse.core.lake.parquet.datafiles import PLAIN, write_files
from lakehouse.core.lake.parquet.files import parquet_chunks
from lakehouse.core.lake.sealing.files import SEALED, below, classes, sealing
from lakehouse.core.lake.store import store_errors
from lakehouse.core.lake.table import Table

LOG = "_delta_log"
_FEW_COMMITS = 10
"""A log of fewer commits needs no checkpoint."""

Cut = Callable[[pl.DataFrame], pl.DataFrame]
"""From rows of a file, with all its columns, to those that stay, changed where they name a row that goes."""


@dataclass(frozen=True)
class RewrittenFile:
    """A file that replaces an old one, with its statistics as Delta's log has them (JSON)."""

    name: str
    size: int
    stats: str


def data_files(files: fs.FileSystem) -> list[str]:
    """Names of the Parquet files beside the log, whether a commit names them or not, sorted."""
    listed = files.get_file_info(fs.FileSelector("", recursive=False, allow_not_found=True))
    return sorted(found.base_name for found in listed if found.is_file and found.base_name.endswith(".parquet"))


def added(table: Table) -> dict[str, list[str]]:
    """The data files that some commit of a table adds, each with the bounds of texts that the log holds for it."""
    files = table.store()
    found: dict[str, list[str]] = {}
    for name in _commits(files, table.uri):
        for action in _actions(files, name):
            if "add" in action:
                stats = json.loads(action["add"].get("stats") or "{}")
                bounds = [*(stats.get("minValues") or {}).values(), *(stats.get("maxValues") or {}).values()]
                found.setdefault(action["add"]["path"], []).extend(bound for bound in bounds if isinstance(bound, str))
    return found


def write_cut(source: fs.FileSystem, name: str, target: fs.FileSystem, cut: Cut, request: str) -> list[RewrittenFile]:
    """Write a data file anew without what `cut` takes out, some megabytes at a time; no file where no row stays.

    Names follow from the request and the old name: a second run puts the same in their place.
    """
    with source.open_input_file(name) as handle:
        file = pq.ParquetFile(handle)
        schema = file.schema_arrow.remove_metadata()
        ending = SEALED if name.endswith(SEALED) else PLAIN
        adds = write_files(target, _cut_batches(file, schema, cut), schema, ending=ending)
    written = []
    for number, action in enumerate(adds):
        new = f"part-{uuid.uuid5(uuid.NAMESPACE_OID, f'{request}/{name}/{number}')}-c000{ending}"
        target.move(action.path, new)
        written.append(RewrittenFile(new, action.size, str(action.stats)))
    return written


def written_anew(table: Table, names: Iterable[str], cut: Cut, request: str) -> dict[str, list[RewrittenFile]]:
    """Data files of a table written anew without what `cut` takes out, by their old names; sealed as they are, whatever is declared."""
    plain = below(table.store())
    anew = {}
    for name in names:
        files = sealing(plain, table.lake, classes(plain, table.lake, name) if name.endswith(SEALED) else ())
        anew[name] = write_cut(files, name, files, cut, request)
    return anew


def _cut_batches(file: pq.ParquetFile, schema: pa.Schema, cut: Cut) -> Iterator[pa.RecordBatch]:
    for rows in parquet_chunks(file, schema.names):
        left = cut(rows)
        if left.height:
            yield from left.select(schema.names).to_arrow(compat_level=pl.CompatLevel.oldest()).cast(schema).to_batches()


def replace(table: Table, instead: dict[str, list[RewrittenFile]], unbound: Iterable[str] = ()) -> None:
    """Make every commit name the files of `instead` in the place of the old ones, and delete these; of files `unbound`, which are here
    no more, the log forgets the smallest and largest values.

    The new files must be there. Nobody else may be writing to the table; who is reading an old version meanwhile may have to read again.

    Raises:
        StorageError: the log is not whole, or a file cannot be read, written or deleted.
    """
    files = table.store()
    with store_errors(table.uri):
        commits = _commits(files, table.uri)
        for name in _logs(files):
            if "checkpoint" in name or name.startswith("_"):
                files.delete_file(f"{LOG}/{name}")
        forget = frozenset(unbound)
        for step in (_removed_too, _added_instead, _removed_once):
            for name in commits:
                before = _actions(files, name)
                after = _without_bounds(step(before, instead), forget)
                if after != before:
                    _put_whole(files, table.uri, name, after)
        for name in sorted(instead):
            if files.get_file_info([name])[0].is_file:
                files.delete_file(name)
        if len(commits) > _FEW_COMMITS:
            table.delta().create_checkpoint()


def drop_unnamed(table: Table, names: list[str]) -> None:
    """Delete data files that no commit names, such as a killed write leaves."""
    files = table.store()
    with store_errors(table.uri):
        for name in names:
            files.delete_file(name)


def _logs(files: fs.FileSystem) -> list[str]:
    listed = files.get_file_info(fs.FileSelector(LOG, recursive=False))
    return sorted(found.base_name for found in listed if found.is_file)


def _commits(files: fs.FileSystem, uri: str) -> list[str]:
    """Names of the commits, oldest first.

    Raises:
        StorageError: one is missing: another tool has cleaned up the log, which then is in checkpoints only.
    """
    found = [name for name in _logs(files) if name.endswith(".json") and name[:20].isdigit()]
    if [int(name[:20]) for name in found] != list(range(len(found))):
        raise StorageError(
            "the log of this table is not whole, so its history cannot be rewritten",
            where=uri,
            fix="another tool cleaned it up; delete the table's folder and make it anew from its sources",
        )
    return found


def _actions(files: fs.FileSystem, name: str) -> list[dict[str, Any]]:
    with files.open_input_stream(f"{LOG}/{name}") as handle:
        return [json.loads(line) for line in bytes(handle.read()).splitlines() if line.strip()]


def _removed_too(actions: list[dict[str, Any]], instead: dict[str, list[RewrittenFile]]) -> list[dict[str, Any]]:
    gone = {action["remove"]["path"] for action in actions if "remove" in action}
    out = []
    for action in actions:
        out.append(action)
        if "remove" in action:
            for new in instead.get(action["remove"]["path"], []):
                if new.name not in gone:
                    out.append({"remove": _about(action["remove"], new)})
    return out


def _added_instead(actions: list[dict[str, Any]], instead: dict[str, list[RewrittenFile]]) -> list[dict[str, Any]]:
    out = []
    for action in actions:
        if "add" in action and action["add"]["path"] in instead:
            out += [{"add": {**_about(action["add"], new), "stats": new.stats}} for new in instead[action["add"]["path"]]]
        else:
            out.append(action)
    return out


def _removed_once(actions: list[dict[str, Any]], instead: dict[str, list[RewrittenFile]]) -> list[dict[str, Any]]:
    return [action for action in actions if not ("remove" in action and action["remove"]["path"] in instead)]


def _without_bounds(actions: list[dict[str, Any]], names: frozenset[str]) -> list[dict[str, Any]]:
    out = []
    for action in actions:
        about = action.get("add")
        if about and about["path"] in names and about.get("stats"):
            stats = {key: value for key, value in json.loads(about["stats"]).items() if key not in ("minValues", "maxValues")}
            action = {"add": {**about, "stats": json.dumps(stats)}}
        out.append(action)
    return out


def _about(action: dict[str, Any], new: RewrittenFile) -> dict[str, Any]:
    """An action for another file; the statistics of the old one hold its smallest and largest values."""
    kept = {key: value for key, value in action.items() if key not in ("stats", "tags", "stats_parsed")}
    return {**kept, "path": new.name, **({"size": new.size} if action.get("size") is not None else {})}


def _put_whole(files: fs.FileSystem, uri: str, name: str, actions: list[dict[str, Any]]) -> None:
    """Replace a commit in one step, its time of change kept: by it Delta finds the version of a moment."""
    text = "".join(json.dumps(action, separators=(",", ":"), ensure_ascii=False) + "\n" for action in actions).encode()
    if "://" in uri:  # an object appears whole or not at all; delta-rs' store takes bytes, so Arrow is to keep them in one buffer
        with files.open_output_stream(f"{LOG}/{name}", buffer_size=len(text) + 1) as handle:
            handle.write(text)
        return
    target = Path(uri, LOG, name)
    about, part = target.stat(), target.with_suffix(f".{os.getpid()}-{time.monotonic_ns()}.part")
    part.write_bytes(text)
    os.utime(part, ns=(about.st_atime_ns, about.st_mtime_ns))
    part.replace(target)
