"""Collect a source into bronze: append what is new or changed, a tombstone for what vanished, in one commit."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from lakehouse import bronze
from lakehouse.errors import SourceError, SpecError
from lakehouse.hashing import code_version, digest
from lakehouse.lock import locked
from lakehouse.progress import Progress, silent
from lakehouse.project import Project
from lakehouse.reserve.batches import Batches
from lakehouse.reserve.carried import Carried, carried, remember
from lakehouse.reserve.connector import CONNECTORS
from lakehouse.reserve.keys import keyed, row_ids
from lakehouse.reserve.material import Feed
from lakehouse.reserve.record import Recorded, last_collection, record
from lakehouse.spec import Source

BATCH_BYTES = 16 * 1024 * 1024
"""Item bytes held at a time; an item may exceed it, up to the source's `max_item_bytes`."""


@dataclass(frozen=True)
class Collection:
    """What a collection did.

    Attributes:
        content_id: identity of the live rows; the data version of the source.
        delta_version: of `bronze/<source>`.
        collection: its number.
        live, added, changed, vanished: rows.
        findings: number of live rows by finding.
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
    warnings: tuple[str, ...]
    unchanged: bool
    seconds: float


def feed(project: Project, name: str) -> Feed:
    """The declared material of a source.

    Raises:
        NotFoundError: no such source.
        SpecError: a mistake in the connector's parameters, with file and line.
    """
    source = project.source(name)
    document = project.sources[name].document
    params = CONNECTORS.bind(source.connector, document=document, loc=("connector",))
    entry = CONNECTORS.entry(source.connector, document=document, loc=("connector",))
    try:
        made: Feed = entry.function(**params)
    except SpecError as error:
        error.where = error.where or document.where(("connector", source.connector.name))
        raise
    return made


def collect(project: Project, name: str, *, progress: Progress = silent, batch_bytes: int = BATCH_BYTES) -> Collection:
    """Bring bronze up to date with the source.

    Memory is bounded by `batch_bytes` and about 200 bytes a live row. A killed run leaves bronze at its last version.

    Raises:
        NotFoundError, SpecError: no such source, or wrongly declared.
        SourceError: the material is missing, damaged, empty, or lost more items than `max_vanished` allows; nothing is written.
        ShapeError: its columns are not the declared ones or those bronze has; nothing is written.
        LockedError: another run collects it. StorageError: the lake cannot be written.
    """
    started = time.monotonic()
    with locked(project, f"source {name}"):
        source = project.source(name)
        material = feed(project, name)
        reading = _reading(source)
        fingerprint = digest({"material": material.fingerprint(project), "reading": reading})
        table = bronze.table(project, name)
        version = table.version()
        last = last_collection(project, name)
        if last is not None and last.fingerprint == fingerprint and last.delta_version == version:
            progress(f"{name}: unchanged", last.live, last.live)
            return Collection(
                name,
                last.content_id,
                last.delta_version,
                last.collection,
                last.live,
                0,
                0,
                0,
                last.findings,
                (),
                True,
                time.monotonic() - started,
            )
        number = (last.collection if last else 0) + 1
        if version is not None:
            number = max(number, (table.scan(version).select(pl.col("_collection").max()).collect().item() or 0) + 1)
        files, index = material.files(project), bronze.live_index(project, name, "_uri", "_findings", version=version)
        untouched = last is not None and last.delta_version == version
        kept = carried(project, name, source.key, files, reading, index) if untouched else Carried()
        unread = [file for file in files if file.name not in kept.files]
        batches = Batches(project, source, unread, batch_bytes, table.schema(version) if version is not None else None)
        run = _Run(project, source, number, batches, index, kept, progress)
        frames = run.frames()
        first = next(frames, None)
        if first is not None:
            schema = pl.Schema({**bronze.SYSTEM, **batches.own})
            version = table.write(
                _chain(first, frames),
                "append",
                schema=schema,
                metadata={"collection": str(number), "fingerprint": fingerprint},
                after=-1 if version is None else version,
                evolve=batches.evolves,
            )
        assert version is not None
        content = bronze.source_content_id(run.live())
        findings = dict(sorted(run.findings.items()))
        remember(project, name, number, [(file, run.per_file[file.name], file.name not in run.moved) for file in unread], reading)
        made = Recorded(
            name, number, datetime.now(UTC), fingerprint, content, version, run.count, run.added, run.changed, run.vanished, findings
        )
        record(project, made)
    return Collection(
        source=name,
        content_id=content,
        delta_version=version,
        collection=number,
        live=run.count,
        added=run.added,
        changed=run.changed,
        vanished=run.vanished,
        findings=findings,
        warnings=tuple(batches.warnings),
        unchanged=first is None,
        seconds=time.monotonic() - started,
    )


def _reading(source: Source) -> str:
    """Identity of how the declaration reads the material, and of the code that does."""
    here = Path(__file__).parent
    code = code_version(Path(__file__), also=[file for file in here.rglob("*.py") if file.name != Path(__file__).name])
    declared = source.model_dump(include={"connector", "key", "columns", "max_item_bytes"})
    return digest({"declared": declared, "code": code})


def _chain(first: pl.DataFrame, others: Iterator[pl.DataFrame]) -> Iterator[pl.DataFrame]:
    yield first
    yield from others


@dataclass
class _Run:
    """One collection under way: what was seen of the source, and how it differs from the live rows of bronze."""

    project: Project
    source: Source
    number: int
    batches: Batches
    index: pl.DataFrame
    carried: Carried
    progress: Progress
    added: int = 0
    changed: int = 0
    vanished: int = 0
    count: int = 0
    findings: Counter[str] = field(default_factory=Counter)
    per_file: Counter[str] = field(default_factory=Counter)
    moved: set[str] = field(default_factory=set)
    _seen: list[pl.DataFrame] = field(default_factory=list)
    _keys: list[pl.Series] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._seen.append(self.carried.rows)
        self.count = self.carried.rows.height
        self.findings.update(self.carried.findings)
        if self.carried.keys is not None:
            self._keys.append(self.carried.keys)

    def live(self) -> pl.DataFrame:
        """`_row_id` and `_content` of all items of the source."""
        return pl.concat(self._seen)

    def frames(self) -> Iterator[pl.DataFrame]:
        """The rows to append: new and changed ones as they are met, tombstones at the end."""
        at = datetime.now(UTC)
        for rows in self.batches:
            if not self.batches.own:
                raise SourceError(
                    f"no item of source {self.source.source} can be read, so its columns are unknown ({rows['_findings'][0][0]})",
                    where=rows["_uri"][0],
                    fix="check `format:`, or declare `columns:` to keep the items as they are",
                )
            fresh = self._fresh(rows)
            if not fresh.is_empty():
                yield self._stored(fresh, at)
            self.progress(f"{self.source.source}: items", self.count, None)
        if not self.count:
            raise SourceError(f"source {self.source.source} yields no item; nothing is written", fix="check that its files are not empty")
        gone = self.index.join(self.live(), on="_row_id", how="anti", maintain_order="left")
        self.vanished = gone.height
        self._check_vanished()
        if self.vanished:
            yield self._tombstones(gone, at)

    def _fresh(self, rows: pl.DataFrame) -> pl.DataFrame:
        rows = row_ids(keyed(rows, self.source.key), self.source.source, self.source.key, self._keys)
        if self.source.key != "position":
            self._keys.append(rows["_key"])
        self._seen.append(rows.select("_row_id", "_content"))
        self.count += rows.height
        self.findings.update(rows["_findings"].explode(empty_as_null=False).drop_nulls().to_list())
        self.per_file.update(dict(rows.group_by("_file").len().iter_rows()))
        before = self.index.select("_row_id", pl.col("_content").alias("_before"), pl.col("_uri").alias("_stands"))
        before = before.filter(pl.col("_row_id").is_in(rows["_row_id"].implode()))
        rows = rows.join(before, on="_row_id", how="left", maintain_order="left")
        new = rows["_before"].is_null()
        different = ~new & (rows["_before"] != rows["_content"]).fill_null(False)
        self.added += int(new.sum())
        self.changed += int(different.sum())
        elsewhere = rows.filter(~new & ~different & (rows["_stands"] != rows["_uri"]).fill_null(True))
        self.moved.update(elsewhere["_file"].unique().to_list())
        return rows.filter(new | different)

    def _stored(self, rows: pl.DataFrame, at: datetime) -> pl.DataFrame:
        return rows.with_columns(
            pl.lit(self.number, dtype=pl.Int64).alias("_collection"),
            pl.lit(False).alias("_deleted"),
            pl.lit(at, dtype=pl.Datetime("us", "UTC")).alias("_collected_at"),
            pl.lit(self.source.license).alias("_license"),
        ).select(*bronze.SYSTEM, *self.batches.own)

    def _tombstones(self, gone: pl.DataFrame, at: datetime) -> pl.DataFrame:
        schema = {**bronze.SYSTEM, **self.batches.own}
        values = {
            "_row_id": pl.col("_row_id"),
            "_collection": pl.lit(self.number, dtype=pl.Int64),
            "_deleted": pl.lit(True),
            "_collected_at": pl.lit(at, dtype=pl.Datetime("us", "UTC")),
            "_license": pl.lit(self.source.license),
            "_findings": pl.lit([], dtype=pl.List(pl.String)),
        }
        return gone.select(values.get(name, pl.lit(None, dtype=dtype)).alias(name) for name, dtype in schema.items())

    def _check_vanished(self) -> None:
        share = self.vanished / self.index.height if self.index.height else 0.0
        if share > self.source.max_vanished:
            raise SourceError(
                f"{self.vanished:,} of {self.index.height:,} items of source {self.source.source} vanished ({share:.0%}), "
                f"more than max_vanished {self.source.max_vanished:.0%} allows; nothing is written",
                fix="restore the material; if the loss (or a changed `key:`) is meant, raise `max_vanished:` for one collection",
            )
