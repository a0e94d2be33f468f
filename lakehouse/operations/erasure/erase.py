"""Erase rows of a source from the lake: look, record, carry out, record that it was done.

Kill-safe: the request with the salted hashes of its rows is recorded first. From then on no collection brings the rows back, and whatever a
kill leaves undone the next `erase` does: it knows the rows by their hashes from bronze, which is last to lose them.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

import polars as pl

from lakehouse.core.errors import MaintenanceError
from lakehouse.core.project import Project
from lakehouse.core.runs.lock import locked
from lakehouse.core.runs.progress import Progress, silent
from lakehouse.core.storage.repack import drop_forgotten
from lakehouse.governance import audit
from lakehouse.operations.erasure import affected_tables, answers, archives, bytes, gold, requests, rows
from lakehouse.operations.erasure.archives import Archive
from lakehouse.operations.erasure.out_of_reach import HoldingVersion, OutOfReach, holding, outside
from lakehouse.operations.erasure.removal import Removal
from lakehouse.operations.history.rows_of_versions import known_datasets
from lakehouse.reserve.bronze import table as bronze
from lakehouse.reserve.bronze.collections import last_collection, record
from lakehouse.reserve.bronze.erased_items import salt_text, salted


@dataclass(frozen=True)
class Erasure:
    """The result of an erasure, or of its dry run.

    Attributes:
        state: planned, done, or nothing (no such row is left).
        rows: items of the source.
        tables: rows by table, of its newest version; older versions lose theirs with them.
        files: data files written anew.
        versions: versions of datasets that lose rows.
        alike: rows that stay and have the same content as one that goes.
        outside: what is out of reach.
        finished: earlier requests that a kill had left, finished first.
    """

    source: str
    state: Literal["planned", "done", "nothing"]
    request: str | None = None
    reason: str = ""
    basis: str = ""
    rows: int = 0
    tables: Mapping[str, int] = field(default_factory=dict)
    files: int = 0
    versions: tuple[HoldingVersion, ...] = ()
    alike: tuple[str, ...] = ()
    outside: tuple[OutOfReach, ...] = ()
    finished: tuple[str, ...] = ()
    seconds: float = 0.0


def plan(project: Project, source: str, ids: Sequence[str], reason: str = "", basis: str = "") -> Erasure:
    """The reach of an erasure, and the places out of its reach; nothing is written.

    Raises:
        StorageError: a table's log or an archive cannot be read.
    """
    project.whole()
    return _planned(project, source, ids, rows.stored(project, source), reason, basis) if ids else _nothing(source, reason, basis)


def _nothing(source: str, reason: str, basis: str) -> Erasure:
    return Erasure(source, "nothing", reason=reason, basis=basis)


def _planned(project: Project, source: str, ids: Sequence[str], known: pl.DataFrame, reason: str, basis: str) -> Erasure:
    """The plan for rows of which there is something; `known` is what bronze has of all rows."""
    states = rows.states(known, ids)
    alike = _alike(project, source, ids, states)
    own = states["_content"].drop_nulls().unique()
    moved = rows.moved(known, ids, own.filter(~own.is_in(alike["_content"].implode())))
    removal = Removal(dict.fromkeys(ids, ""), rows.texts(project, source, ids), moved)
    found = [affected_tables.find(name, table, removal) for name, table in _tables(project, source)]
    held = holding(project, ids)
    for dataset in known_datasets(project):
        archives.archives(project, dataset)  # refuses where one is missing
    return Erasure(
        source,
        "planned",
        reason=reason,
        basis=basis,
        rows=len(ids),
        tables={one.name: one.rows for one in found if one.files},
        files=sum(len(one.files) for one in found),
        versions=tuple(of for _, of in held),
        alike=tuple(alike["_row_id"].sort()),
        outside=tuple(outside(project, source, ids, held)),
    )


def erase(project: Project, source: str, ids: Sequence[str], reason: str, basis: str, by: str, *, progress: Progress = silent) -> Erasure:
    """Erase rows of a source from every table with all its versions, and from every byte of the lake that holds them.

    Raises:
        MaintenanceError: no reason. NotFoundError: no such source.
        LockedError: something in this factory runs, or another erasure.
        StorageError: a place cannot be read or written, or an archive is not where it was put; running it again goes on.
    """
    project.whole()
    if not reason.strip():
        raise MaintenanceError("a reason is needed: it is what an auditor reads", fix='--reason "..."')
    started = time.monotonic()
    project.source(source)
    with _alone(project):
        finished = tuple(_finish(project, progress))
        known = rows.stored(project, source)
        states = rows.states(known, ids)
        left = states["_row_id"].unique().sort().to_list()
        if not left:
            return replace(_nothing(source, reason, basis), finished=finished, seconds=time.monotonic() - started)
        planned = _planned(project, source, left, known, reason, basis)
        shared = _alike(project, source, left, states)["_content"]
        details = {"by": by, "reason": reason, "basis": basis, "rows": planned.rows, "tables": planned.tables}
        details |= {"versions": [asdict(one) for one in planned.versions], "outside": [asdict(one) for one in planned.outside]}
        request = requests.begin(project, source, states, shared, details)
        entry = {"principal": by, "action": "erase", "table": f"bronze/{source}", "version": request, "purpose": f"{basis}: {reason}"}
        audit.record(project, **entry, rows=planned.rows, outcome="granted")
        _carry_out(project, source, request, progress)
        audit.record(project, **entry, rows=planned.rows, outcome="done")
    seconds = time.monotonic() - started
    return replace(planned, state="done", request=request, finished=finished, seconds=seconds)


def resume(project: Project, *, progress: Progress = silent) -> tuple[str, ...]:
    """Carry out to their end the requests that were interrupted; returns their ids. Raises as `erase` does."""
    project.whole()
    with _alone(project):
        return tuple(_finish(project, progress))


def unfinished(project: Project) -> list[requests.Request]:
    """Requests that were recorded and not carried out to their end."""
    return [one for one in requests.requests(project) if one.state == "requested"]


def _finish(project: Project, progress: Progress) -> Iterator[str]:
    for one in unfinished(project):
        progress(f"finishing the erasure {one.request}", 0, None)
        _carry_out(project, one.source, one.request, progress)
        entry = {"principal": one.by, "action": "erase", "table": f"bronze/{one.source}", "version": one.request}
        audit.record(project, **entry, purpose=f"{one.basis}: {one.reason}", rows=one.rows, outcome="done")
        yield one.request


def _carry_out(project: Project, source: str, request: str, progress: Progress) -> None:
    """Erase the rows of a recorded request everywhere, bronze last; what was done already is found done."""
    salt, items = salt_text(project), requests.items(project, request)
    known = rows.stored(project, source)
    ids, contents = rows.of_request(known, salt, items), rows.contents_of_request(known, salt, items)
    moved = rows.moved(known, ids, contents)
    if ids or moved:
        named = pl.DataFrame({"_row_id": pl.Series(ids, dtype=pl.String)})
        short = salted(salt, "_row_id").str.slice(0, 16)
        names = dict(named.select("_row_id", new=pl.concat_str(pl.lit("erased~"), short)).iter_rows())
        removal = Removal(names, rows.texts(project, source, ids), moved)
        progress("erasing: answers of models", 0, None)
        asked = answers.to_answers(project, ids, names)
        if asked is not None:
            table = project.table("system", "answers")
            affected_tables.erase(table, affected_tables.find("system/answers", table, asked), asked, request)
        changed: dict[str, list[Archive]] = {}
        for name, table in affected_tables.tables(project):
            progress(f"erasing: {name}", 0, None)
            found = affected_tables.find(name, table, removal)
            dataset = name.removeprefix("gold/")
            if name.startswith("gold/") and not dataset.endswith("_quarantine"):
                changed[dataset] = gold.erase(project, dataset, table, found, removal, request)
            else:
                affected_tables.erase(table, found, removal, request)
        for dataset in known_datasets(project):
            gold.note(project, dataset, request, changed.get(dataset, []))
            for archive in archives.archives(project, dataset):
                archives.drop_old(project, archive)
        progress("erasing: landed bytes, oversized items, cold packs", 0, None)
        bytes.erase_pieces(project, source)
        bytes.erase_blobs(project, source, ids, contents)
        drop_forgotten(project, progress)
        progress(f"erasing: bronze/{source}", 0, None)
        table = bronze.table(project, source)
        removal = Removal(dict.fromkeys(ids, ""), moved=moved)
        affected_tables.erase(table, affected_tables.find(f"bronze/{source}", table, removal), removal, request)
    _note_live(project, source)
    bytes.clear_state(project)
    requests.end(project, request, source, {})


def _note_live(project: Project, source: str) -> None:
    """Record what the source holds now, as a collection does: datasets see by it that their input has changed.

    Bronze keeps its Delta version, so what the last collection recorded would else be taken for what it holds.
    """
    last, version = last_collection(project, source), bronze.table(project, source).version()
    if last is None or version is None or last.delta_version != version:
        return
    live = bronze.live_index(project, source, "_findings", version=version)
    gone = last.live - live.height
    if not gone:
        return
    counted = live["_findings"].explode(empty_as_null=False).drop_nulls().value_counts(name="n")
    findings = dict(sorted(counted.iter_rows()))
    record(
        project,
        source=source,
        collection=last.collection,
        fingerprint=last.fingerprint,
        content_id=bronze.source_content_id(live),
        delta_version=version,
        live=live.height,
        added=0,
        changed=0,
        vanished=0,
        findings=findings,
        erased=last.erased + gone,
    )


def _tables(project: Project, source: str) -> Iterator[tuple[str, Any]]:
    yield f"bronze/{source}", bronze.table(project, source)
    yield from affected_tables.tables(project)


def _alike(project: Project, source: str, ids: Sequence[str], states: pl.DataFrame) -> pl.DataFrame:
    """Live rows of the source that stay and have the content of one that goes: `_row_id`, `_content`."""
    live = bronze.live_index(project, source, version=bronze.table(project, source).version()).select("_row_id", "_content")
    stay = live.filter(~pl.col("_row_id").is_in(pl.Series(list(ids), dtype=pl.String).implode()))
    return stay.filter(pl.col("_content").is_in(states["_content"].drop_nulls().unique().implode()))


@contextmanager
def _alone(project: Project) -> Iterator[None]:
    """Nothing else in this factory may run: tables are shared by all of it.

    Raises:
        LockedError: something does, or this source is erased from.
    """
    with ExitStack() as held:
        held.enter_context(locked(project, "erasure"))
        held.enter_context(locked(project, "storage"))
        for name in sorted(project.sources):
            held.enter_context(locked(project, f"source {name}"))
        for name in known_datasets(project):
            held.enter_context(locked(project, f"dataset {name}"))
        yield
