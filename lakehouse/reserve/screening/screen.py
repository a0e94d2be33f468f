"""Screen a source: look at the rows that are new to each detector, decide over all scores, one commit.

A commit records that all live rows of one bronze version were looked at by all declared detectors. The next screening looks only at rows
that changed since, and at all rows only for a detector that is new or whose code or parameters (other than thresholds) changed. A run
that is killed leaves the last commit, and the next run does the same work again.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import polars as pl

from lakehouse.core.errors import FactoryError, NotFoundError, SpecError
from lakehouse.core.hashing import digest, file_digest
from lakehouse.core.project import Project
from lakehouse.core.row_model import LIVE
from lakehouse.core.runs.progress import Progress, silent
from lakehouse.core.runs.run import run
from lakehouse.core.spec import Detection
from lakehouse.core.spec.yamlfile import Loc, suggest
from lakehouse.reserve.bronze import table as bronze
from lakehouse.reserve.bronze.values import values
from lakehouse.reserve.screening import verdicts
from lakehouse.reserve.screening.detector import DETECTORS, FOUND, AllRowsLook, Look, TextLook
from lakehouse.reserve.screening.salt import hashed, salt_of
from lakehouse.reserve.screening.verdicts import FINDINGS, DetectionResult, State


@dataclass(frozen=True, kw_only=True)
class Screening:
    """The result of a screening.

    Attributes:
        live: live rows of the source; `looked`, those that some detector looked at in this run.
        flagged: rows with a finding.
        quarantined: rows kept out of datasets.
        detections: what each flags.
        unchanged: rows, declaration and code are those of the last screening; nothing was read or written.
        seconds: wall time.
    """

    source: str
    live: int
    looked: int
    flagged: int
    quarantined: int
    detections: tuple[DetectionResult, ...]
    unchanged: bool
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Bound:
    """A declared detection, ready to look."""

    name: str
    declared: Detection
    look: Look
    identity: str
    action: str
    at_least: float | None
    where: str


def detections(project: Project, name: str) -> list[Bound]:
    """The declared detections of a source.

    Raises:
        NotFoundError: no such source. SpecError: a wrong declaration, with file and line.
    """
    spec, document = project.source(name), project.sources[name].document
    made: list[Bound] = []
    for index, declared in enumerate(spec.screening):
        loc: Loc = ("screening", index)
        entry = DETECTORS.entry(declared.call, document=document, loc=loc)
        params = DETECTORS.bind(declared.call, document=document, loc=loc)
        where = document.where((*loc, declared.name))
        paths = {key: project.root / params[key] for key in entry.info.get("files", ()) if params.get(key) is not None}
        for path in paths.values():
            if not path.is_file():
                raise SpecError(f"no file {path}", where=where, fix="give a path in the project folder")
        try:
            look: Look = entry.function(**params | {key: str(path) for key, path in paths.items()})
        except FactoryError as error:
            error.where = error.where or where
            raise
        action = declared.action or entry.info["action"]
        if action == "quarantine" and entry.info.get("speaks") == "collection":
            what = f"`{declared.name}` speaks of a collection, not of rows: there is nothing to quarantine"
            raise SpecError(what, where=document.where((*loc, "action")), fix="`action: warn`; with `blocking: true` datasets refuse it")
        _known_columns(look, spec.columns, where)
        if spec.mode == "virtual" and {"_raw", "_blob"} & set(look.columns or ()):
            what = f"`{declared.name}` looks at bytes of unreadable items, which bronze does not keep of a virtual source"
            raise SpecError(what, where=where, fix="name a column of bytes with `column:`, or leave it out")
        plain = entry.params.model_construct(**params).model_dump()
        measuring = {key: value for key, value in plain.items() if key not in entry.info.get("decides", ())}
        contents = {key: file_digest(path) for key, path in paths.items()}
        identity = digest({"detector": entry.name, "params": measuring, "files": contents, "code": entry.code()})
        repeats = sum(other.declared.name == declared.name for other in made)
        named = declared.name if repeats == 0 else f"{declared.name}_{repeats + 1}"
        made.append(
            Bound(name=named, declared=declared, look=look, identity=identity, action=action, at_least=params.get("at_least"), where=where)
        )
    return made


def screen(project: Project, name: str, *, progress: Progress = silent) -> Screening | None:
    """Bring the findings of a source up to date with its rows; None where it declares no screening.

    Raises:
        NotFoundError: no such source, or never collected. SpecError: wrongly declared.
        LockedError: another run collects or screens it. StorageError: the lake cannot be read or written.
    """
    if not project.source(name).screening:
        return None
    with run(project, f"source {name}", progress) as work:
        return _screen(project, name, work.progress)


def _screen(project: Project, name: str, progress: Progress) -> Screening:
    started = time.monotonic()
    bound = detections(project, name)
    table, source = verdicts.table(project, name), bronze.table(project, name)
    at, version = table.version(), source.version()
    if version is None:
        raise NotFoundError(f"source {name} was never collected", fix=f"lakehouse collect {name}")
    types = source.schema(version)
    columns = [_columns(project, name, each, index, types) for index, each in enumerate(bound)]
    identities = [digest([each.identity, c if isinstance(each.look, TextLook) else None]) for each, c in zip(bound, columns, strict=True)]
    before, declared = verdicts.state(project, name), verdicts.declared_key(project.source(name))
    if before is not None and bronze.recorded_content(project, name)[0] != before.content and before.bronze == version:
        before = None  # the table of bronze was made anew: its versions are not those that the state speaks of
    same = before is not None and (before.bronze, before.declared) == (version, declared)
    if before is not None and same and [d.identity for d in before.detections] == identities:
        flagged, kept_out = _flagged(table.read(["_row_id", "action"]))
        return Screening(
            source=name,
            live=before.live,
            looked=0,
            flagged=flagged,
            quarantined=kept_out,
            detections=before.detections,
            unchanged=True,
            seconds=time.monotonic() - started,
        )
    live = bronze.live_index(project, name, version=version).select(*LIVE)
    known = {} if before is None else {d.identity: d.name for d in before.detections}
    fresh = live
    if before is not None:
        had = _looked_at(project, name, before)
        fresh = live.join(had, on=["_row_id", "_content"], how="anti", maintain_order="left")
    earlier = table.read() if at is not None else pl.DataFrame(schema=FINDINGS)
    parts: list[pl.DataFrame] = []
    looks: list[tuple[Bound, tuple[str, ...], bool]] = []
    for each, wanted, identity in zip(bound, columns, identities, strict=True):
        whole, looked_at = isinstance(each.look, AllRowsLook), identity in known
        if looked_at and not (whole and before is not None and before.bronze != version):
            kept = earlier.filter(pl.col("detector") == known[identity]).with_columns(detector=pl.lit(each.name))
            if not whole:
                kept = kept.join(live, on=["_row_id", "_content"], how="semi").join(fresh, on=["_row_id", "_content"], how="anti")
            parts.append(kept)
            if whole:
                continue
        looks.append((each, wanted, looked_at and not whole))
    salt, looked = salt_of(project), 0
    rows = [(each, wanted, looked_at) for each, wanted, looked_at in looks if not isinstance(each.look, AllRowsLook)]
    pending = live if any(not looked_at for _, _, looked_at in rows) else fresh
    if rows and pending.height:
        needed = sorted({c for _, wanted, _ in rows for c in wanted})
        for chunk in _chunks(project, name, pending, needed):
            new = chunk.join(fresh.select("_row_id"), on="_row_id", how="semi", maintain_order="left")
            for each, wanted, looked_at in rows:
                given = new if looked_at else chunk
                parts.append(_findings(each, given.select(*LIVE), _look(each, given, wanted), salt))
            looked += chunk.height
            progress(f"screening {name}", looked, pending.height)
    for each, wanted, _ in looks:
        if isinstance(each.look, AllRowsLook):
            progress(f"screening {name}: {each.name}", 0, None)
            chunks = [chunk.select(*LIVE, *(c for c in wanted if c not in LIVE)) for chunk in _chunks(project, name, live, list(wanted))]
            given = pl.concat(chunks).sort("_row_id") if chunks else pl.DataFrame()
            looked = live.height
            if given.height:
                parts.append(_findings(each, given.select(*LIVE), _look(each, given, wanted), salt))
    findings = _decided(bound, pl.concat([p.select(FINDINGS.names()).cast(FINDINGS) for p in parts]) if parts else earlier.clear())  # type: ignore[arg-type]
    detected = tuple(_detected(each, identity, findings, live) for each, identity in zip(bound, identities, strict=True))
    state = State(declared, bronze.source_content_id(live), version, live.height, detected)
    table.write(findings, "overwrite" if at is not None else "append", metadata=state.metadata(), after=-1 if at is None else at)
    flagged, kept_out = _flagged(findings)
    return Screening(
        source=name,
        live=live.height,
        looked=looked,
        flagged=flagged,
        quarantined=kept_out,
        detections=detected,
        unchanged=False,
        seconds=time.monotonic() - started,
    )


def _looked_at(project: Project, name: str, before: State) -> pl.DataFrame:
    """The rows that a state speaks of; none where bronze does not have them any more."""
    index = bronze.live_index(project, name, version=None)
    if before.bronze <= (bronze.table(project, name).version() or 0):
        index = bronze.live_index(project, name, version=before.bronze)
    return index if bronze.source_content_id(index) == before.content else index.clear()


def _flagged(findings: pl.DataFrame) -> tuple[int, int]:
    """Rows that are flagged, and those among them that are quarantined."""
    rows = findings.filter(pl.col("action").is_not_null()).drop_nulls("_row_id")
    return rows["_row_id"].n_unique(), rows.filter(pl.col("action") == "quarantine")["_row_id"].n_unique()


def _known_columns(look: Look, declared: Any, where: str) -> None:
    """That the columns a detector names are among the declared ones, where these are known."""
    if declared is None:
        return
    for column in look.columns or ():
        if not column.startswith("_") and column not in declared:
            raise SpecError(f"the source has no column `{column}`", where=where, fix=suggest(column, declared))
        if isinstance(look, TextLook) and declared[column] not in ("string", "json"):
            raise SpecError(f"column `{column}` holds no text but {declared[column]}", where=where, fix="name a text column")


def _columns(project: Project, name: str, each: Bound, index: int, types: pl.Schema) -> tuple[str, ...]:
    """The columns of bronze that a detection reads."""
    own = [c for c, t in types.items() if t == pl.String and not c.startswith("_")]
    wanted = tuple(own) if each.look.columns is None else each.look.columns
    where = project.sources[name].document.where(("screening", index, each.declared.name))
    for column in wanted:
        if column not in types:
            raise SpecError(f"{name} has no column `{column}`", where=where, fix=suggest(column, [c for c in types if c[0] != "_"]))
        if isinstance(each.look, TextLook) and types[column] != pl.String:
            raise SpecError(f"column `{column}` holds no text but {types[column]}", where=where, fix=suggest(column, own))
    return wanted


def _chunks(project: Project, name: str, rows: pl.DataFrame, columns: list[str]) -> Iterator[pl.DataFrame]:
    """Columns of these rows (`_row_id`, `_content`, `_collection`), some megabytes at a time."""
    yield from values(project, name, [c for c in columns if c not in LIVE], rows)


def _look(each: Bound, rows: pl.DataFrame, columns: tuple[str, ...]) -> pl.DataFrame:
    """What a detection finds in rows, as FOUND; a failure names the line of its declaration."""
    try:
        if not isinstance(each.look, TextLook):
            return each.look.find(rows)
        found = (each.look.find(rows[column]).with_columns(column=pl.lit(column)) for column in columns)
        return pl.concat([FOUND.to_frame(), *found])
    except FactoryError as error:
        error.where = error.where or each.where
        raise


def _findings(each: Bound, ids: pl.DataFrame, found: pl.DataFrame, salt: bytes) -> pl.DataFrame:
    """FOUND as FINDINGS; what was found goes, its keyed hash stays."""
    numbered = ids.rename({"_collection": "_of"}).with_row_index("_at").with_columns(pl.col("_at").cast(pl.Int64))
    rows = found.join(numbered, on="_at", how="left", maintain_order="left")
    return rows.with_columns(
        hashed(rows["match"], salt).alias("hash"),
        pl.coalesce("_of", "collection").alias("collection"),
        detector=pl.lit(each.name),
        action=pl.lit(None, pl.String),
    ).select(FINDINGS.names())


def _decided(bound: list[Bound], findings: pl.DataFrame) -> pl.DataFrame:
    """The findings with the action that each detection's threshold gives them, in one order."""
    action = pl.lit(None, pl.String)
    for each in bound:
        flags = pl.col("detector") == each.name
        if each.at_least is not None:
            flags &= pl.col("score") >= each.at_least
        action = pl.when(flags).then(pl.lit(each.action)).otherwise(action)
    return findings.with_columns(action.alias("action")).sort("_row_id", "detector", "column", "start", "kind", nulls_last=True)


def _detected(each: Bound, identity: str, findings: pl.DataFrame, live: pl.DataFrame) -> DetectionResult:
    ours = findings.filter((pl.col("detector") == each.name) & pl.col("action").is_not_null())
    by_row = ours.drop_nulls("_row_id").select("_row_id", "kind")
    # A finding about a collection flags all rows that it brought.
    of_rows = ours.filter(pl.col("_row_id").is_null()).select("kind", "collection")
    brought = of_rows.join(live.select("_row_id", pl.col("_collection").alias("collection")), on="collection").select("_row_id", "kind")
    flagged = pl.concat([by_row, brought]).unique()
    kinds = dict(flagged.group_by("kind").len().sort("kind").iter_rows())
    rows = flagged["_row_id"].n_unique()
    return DetectionResult(
        name=each.name,
        identity=identity,
        action=each.action,
        rows=rows,
        rate=rows / max(live.height, 1),
        kinds=kinds,
        max_rate=each.declared.max_rate,
        blocking=each.declared.blocking,
    )
