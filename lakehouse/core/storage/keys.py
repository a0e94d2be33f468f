"""The life of data keys: made at the first use of a class, wrapped anew, shredded; `system/keys` records each step."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import datetime
from functools import partial

import polars as pl

from lakehouse.core.errors import NotFoundError
from lakehouse.core.journal import Journal
from lakehouse.core.lake.location import Location
from lakehouse.core.lake.sealing import data_keys
from lakehouse.core.lake.sealing.data_keys import OLD_MASTER, master
from lakehouse.core.lake.sealing.streams import DataKey
from lakehouse.core.project import Project
from lakehouse.core.runs.lock import locked

JOURNAL = Journal(
    "keys",
    pl.Schema(
        {
            "class": pl.String(),
            "event": pl.String(),  # made, rewrapped, shredded
            "key": pl.String(),
            "master": pl.String(),  # fingerprint of the master key that wraps it
            "by": pl.String(),
            "reason": pl.String(),
        }
    ),
)


@dataclass(frozen=True)
class KeyState:
    """The data key of a class: `state` is `whole` or `shredded`; `master` is the fingerprint of the key that wraps it."""

    of: str
    key: str
    state: str
    master: str
    since: datetime


def sealing_key(project: Project, of: str) -> DataKey:
    """The data key of a class, made at its first use.

    Raises:
        StorageError: no or another master key, or the class was shredded.
        LockedError: another process makes one just now.
    """
    lake = _lake(project)
    if data_keys.kept(lake, of) is not None:
        return data_keys.current_key(lake, of)
    with locked(project, "keys"):
        if data_keys.kept(lake, of) is not None:
            return data_keys.current_key(lake, of)
        if any(each.of == of for each in listed(project)):  # a new key would take the place of one that is only out of reach
            raise data_keys.missing(lake, of)
        key, by = DataKey(of, os.urandom(8), os.urandom(32)), master()
        data_keys.keep(lake, project.state, key, by)
        _note(project, of, "made", key.id.hex(), by.fingerprint, "lakehouse", "first use")
        return key


def opener(project: Project) -> partial[DataKey]:
    """The key of a class by its id."""
    return partial(data_keys.opening_key, _lake(project))


def rotate(project: Project, by: str) -> list[str]:
    """Wrap all data keys by the master key, those that the old one (LAKEHOUSE_OLD_MASTER_KEY) wraps now; classes that were rewrapped.

    No data is written anew. A killed rotation is finished by the next.

    Raises:
        StorageError: a master key is missing, or is not the one that wraps a data key; nothing of that class is changed.
    """
    new, done, lake = master(), [], _lake(project)
    with locked(project, "keys"):
        for each in listed(project):
            found = data_keys.kept(lake, each.of) if each.state == "whole" else None
            if found is None or found.shredded or found.master == new.fingerprint:
                continue
            key = data_keys.unwrapped(found, each.of, master(OLD_MASTER))
            data_keys.keep(lake, project.state, key, new)
            _note(project, each.of, "rewrapped", each.key, new.fingerprint, by, "rotation")
            done.append(each.of)
    return done


def shred(project: Project, of: str, by: str, reason: str) -> KeyState:
    """Destroy the data key of a class: what was sealed under it can be read by no one any more.

    Raises:
        NotFoundError: the class has no key.
    """
    with locked(project, "keys"):
        known = {each.of: each for each in listed(project)}
        if of not in known:
            fix = f"classes: {', '.join(sorted(known)) or 'none yet'}"
            raise NotFoundError(f"no key of `{of}`", fix=fix)
        if known[of].state == "whole":
            _note(project, of, "shredded", known[of].key, known[of].master, by, reason)
        done = next(each for each in listed(project) if each.of == of)
        data_keys.destroy(_lake(project), project.state, of, f"{done.since:%Y-%m-%d}")
        return done


def listed(project: Project) -> list[KeyState]:
    """The classes that ever had a key, by name."""
    found: dict[str, KeyState] = {}
    for row in JOURNAL.read(project).iter_rows(named=True):
        state = "shredded" if row["event"] == "shredded" else "whole"
        since = found[row["class"]].since if row["class"] in found and state == "whole" else row["at"]
        found[row["class"]] = KeyState(row["class"], row["key"], state, row["master"], since)
    return [found[of] for of in sorted(found)]


def ready(project: Project, classes: tuple[str, ...]) -> None:
    """Make the keys of classes that have none yet, before a table is written under them.

    Raises:
        StorageError: as `sealing_key`.
    """
    for of in classes:
        sealing_key(project, of)


def _lake(project: Project) -> Location:
    return Location(project.lake, project.settings.storage_options)


def _note(project: Project, of: str, event: str, key: str, by_master: str, by: str, reason: str) -> None:
    JOURNAL.append(project, **{"class": of}, event=event, key=key, master=by_master, by=by, reason=reason)
