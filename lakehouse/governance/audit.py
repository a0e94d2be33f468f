"""The audit log: one chained entry for each read through the door, refusal, release, downgrade, retirement and decision, in `system/audit`.

An entry holds the SHA-256 of the one before it and its own, over canonical JSON, so that one that is changed, taken out, moved or added
breaks the chain. Entries cut off at the end break no chain: the head is kept a second time in `system/audit_head.json` and with each
release in the register. An entry is written before the act, so that there is no act without one; an act that is killed and done again
may be there twice. Who can write all three places can forge all three.
"""

from __future__ import annotations

import getpass
import json
import os
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import polars as pl

from lakehouse.core.errors import LockedError
from lakehouse.core.hashing import canonical, digest
from lakehouse.core.lake.store import object_store
from lakehouse.core.lake.table import Table
from lakehouse.core.project import Project
from lakehouse.core.runs.lock import locked

Outcome = Literal["granted", "refused", "failed", "done"]
START = "0" * 64
"""What the first entry follows."""

SCHEMA = pl.Schema(
    [
        ("seq", pl.Int64),  # from 1, without gaps
        ("at", pl.String),  # ISO 8601, UTC
        ("principal", pl.String),  # who acts, as stated
        ("account", pl.String),  # the account of the machine that acted
        ("action", pl.String),  # read, release, rollback, downgrade, retire, reinstate, decide
        ("table", pl.String),
        ("version", pl.String),
        ("purpose", pl.String),  # of a read; the reason of another act
        ("columns", pl.List(pl.String)),
        ("rows", pl.Int64),
        ("outcome", pl.String),
        ("detail", pl.String),  # the role of a read, the reason of a refusal
        ("previous", pl.String),
        ("hash", pl.String),
    ]
)
_HEAD, _PATIENCE = "audit_head.json", 30.0


@dataclass(frozen=True)
class Head:
    """The last entry, as a place knows it."""

    seq: int
    hash: str
    place: str = "the log"

    def as_json(self) -> dict[str, Any]:
        """What another place keeps of it."""
        return {"seq": self.seq, "hash": self.hash}


def table(project: Project) -> Table:
    """The Delta table of the log."""
    return project.table("system", "audit")


def record(
    project: Project,
    *,
    principal: str,
    action: str,
    table: str,
    version: str | None = None,
    purpose: str | None = None,
    columns: Sequence[str] = (),
    rows: int | None = None,
    outcome: Outcome = "done",
    detail: str | None = None,
) -> Head:
    """Append an entry, one writer at a time; returns the new head.

    Raises:
        LockedError: other writers kept the log for half a minute.
    """
    facts: dict[str, Any] = {
        "principal": principal,
        "account": account(),
        "action": action,
        "table": table,
        "version": version,
        "purpose": purpose,
    }
    facts |= {"columns": list(columns), "rows": rows, "outcome": outcome, "detail": detail}
    end = time.monotonic() + _PATIENCE
    while True:
        try:
            with locked(project, "audit"):
                return _append(project, facts)
        except LockedError:
            if time.monotonic() > end:
                raise
            time.sleep(0.02)


def _append(project: Project, facts: Mapping[str, Any]) -> Head:
    log = table(project)
    version = log.version()
    last = Head(0, START) if version is None else _last(log)
    beside = _known_beside(project)
    # After a cut the chain goes on where it was cut off, so that the gap stays.
    last = beside if beside is not None and beside.seq >= last.seq else last
    entry = {"seq": last.seq + 1, "at": datetime.now(UTC).isoformat(timespec="microseconds"), **facts, "previous": last.hash}
    entry["hash"] = digest(entry)
    head = Head(entry["seq"], entry["hash"])
    metadata = {"seq": str(head.seq), "hash": head.hash}
    log.write(pl.DataFrame([entry], schema=SCHEMA), "append", metadata=metadata, after=-1 if version is None else version)
    import obstore

    obstore.put(_beside(project), _HEAD, canonical(head.as_json()).encode())
    return head


def _last(log: Table) -> Head:
    """The last entry: from its commit, or where someone else wrote the table, from its rows."""
    commit = log.history(1)[0]
    if "factory.hash" in commit:
        return Head(int(commit["factory.seq"]), str(commit["factory.hash"]))
    rows = log.read(["seq", "hash"]).sort("seq").tail(1)
    return Head(*rows.row(0)) if rows.height else Head(0, START)


def account() -> str:
    """The account of this machine that acts; its number where it has no name."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())


def entries(project: Project, who: str | None = None) -> pl.DataFrame:
    """The entries, oldest first, of one principal if given."""
    log = table(project)
    if not log.exists():
        return pl.DataFrame(schema=SCHEMA)
    found = log.scan() if who is None else log.scan().filter(pl.col("principal") == who)
    return found.collect().select(list(SCHEMA)).sort("seq", maintain_order=True)


def verify(project: Project) -> list[str]:
    """Faults of the log, a sentence each; empty if every entry is as it was written."""
    found = entries(project)
    beside = _known_beside(project)
    missing = [f"system/{_HEAD} is gone: entries cut off at the end would not be seen"] if found.height and beside is None else []
    return [*broken(found.to_dicts(), [*([beside] if beside else []), *_released(project)]), *missing]


def broken(log: Iterable[Mapping[str, Any]], heads: Iterable[Head] = ()) -> list[str]:
    """What is wrong with entries in order of `seq`, and whether they hold each head that other places know."""
    problems: list[str] = []
    hashes: dict[int, str] = {0: START}
    at = 0
    for entry in log:
        seq = entry["seq"]
        if seq != at + 1:
            problems.append(f"entry {seq} is in the place of entry {at + 1}")
        elif entry["previous"] != hashes[at]:
            problems.append(f"entry {seq} does not follow entry {at}")
        if digest({name: value for name, value in entry.items() if name != "hash"}) != entry["hash"]:
            problems.append(f"entry {seq} was changed")
        at = seq
        hashes[seq] = entry["hash"]
    for head in heads:
        if head.seq not in hashes:
            problems.append(f"entry {head.seq}, which {head.place} knows, is gone")
        elif hashes[head.seq] != head.hash:
            problems.append(f"entry {head.seq} is not the one that {head.place} knows")
    return problems


def _beside(project: Project) -> Any:
    place = f"{project.lake}/system"
    return object_store(place if "://" in place else Path(place).as_uri(), project.settings.storage_options)


def _known_beside(project: Project) -> Head | None:
    import obstore

    with suppress(FileNotFoundError):
        held = json.loads(bytes(obstore.get(_beside(project), _HEAD).bytes()))
        return Head(held["seq"], held["hash"], f"system/{_HEAD}")
    return None


def _released(project: Project) -> list[Head]:
    """The heads that releases recorded."""
    register = project.table("system", "versions")
    if not register.exists():
        return []
    events = register.scan().filter(pl.col("event") == "released").select("dataset", "payload").collect()
    payloads = [(dataset, json.loads(payload)) for dataset, payload in events.iter_rows()]
    return [Head(**facts["audit"], place=f"the release {dataset} {facts['label']}") for dataset, facts in payloads if facts.get("audit")]
