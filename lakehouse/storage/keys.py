"""Data keys, one a source that is declared with `encrypt: true`, wrapped by a master key that the lake does not hold.

The wrapped keys stand in `keys/<class>.json` of the lake, not in a table: Delta keeps what is deleted from it, and a key that is shredded
has to be gone. What was done stands in `system/keys`. The master key is in LAKEHOUSE_MASTER_KEY or in the file that
LAKEHOUSE_MASTER_KEY_FILE names: 32 bytes in base64.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import os
import tempfile
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import polars as pl
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from lakehouse.errors import NotFoundError, StorageError
from lakehouse.lock import locked
from lakehouse.project import Project
from lakehouse.storage.location import Location
from lakehouse.storage.sealed import DataKey

MASTER = "LAKEHOUSE_MASTER_KEY"
OLD_MASTER = "LAKEHOUSE_OLD_MASTER_KEY"
_NONCE = 12

SCHEMA = pl.Schema(
    {
        "class": pl.String(),
        "event": pl.String(),  # made, rewrapped, shredded
        "at": pl.Datetime("us", "UTC"),
        "key": pl.String(),
        "master": pl.String(),  # fingerprint of the master key that wraps it
        "by": pl.String(),
        "reason": pl.String(),
    }
)


@dataclass(frozen=True)
class Master:
    """A master key; `fingerprint` tells it from others without telling it."""

    secret: bytes = field(repr=False)

    @property
    def fingerprint(self) -> str:
        """8 hex digits of a digest of the key."""
        return hashlib.sha256(b"lakehouse master key\0" + self.secret).hexdigest()[:8]


@dataclass(frozen=True)
class Listed:
    """The data key of a class: `state` is `whole` or `shredded`; `master` is the fingerprint of the key that wraps it."""

    of: str
    key: str
    state: str
    master: str
    since: datetime


def class_of(project: Project, source: str) -> str | None:
    """The class under which a source's bytes are sealed; None where it does not ask for that."""
    declared = project.sources.get(source)
    return source if declared is not None and declared.spec.encrypt else None


def master(variable: str = MASTER) -> Master:
    """The master key of the environment.

    Raises:
        StorageError: there is none, or it is no key.
    """
    given, origin = os.environ.get(variable), variable
    if given is None and (path := os.environ.get(f"{variable}_FILE")):
        origin = path
        try:
            given = Path(path).read_text(encoding="ascii")
        except (OSError, ValueError) as error:
            raise StorageError(f"the master key cannot be read: {error}", where=f"{variable}_FILE") from error
    if given is None:
        raise StorageError("there is no master key for what is encrypted", fix=f"set {variable}, or {variable}_FILE to its file")
    try:
        secret = base64.b64decode(given.strip(), validate=True)
    except (binascii.Error, ValueError) as error:
        raise StorageError("the master key is not base64", where=origin, fix="openssl rand -base64 32 makes one") from error
    if len(secret) != 32:
        raise StorageError(f"the master key has {len(secret)} bytes, not 32", where=origin, fix="openssl rand -base64 32 makes one")
    return Master(secret)


def sealing_key(project: Project, of: str) -> DataKey:
    """The data key of a class, made at its first use.

    Raises:
        StorageError: no or another master key, or the class was shredded.
        LockedError: another process makes one just now.
    """
    if (found := _read(project, of)) is not None:
        return _unwrapped(found, of, master())
    with locked(project, "keys"):
        if (found := _read(project, of)) is not None:
            return _unwrapped(found, of, master())
        if when := _shredded(project, of):
            raise StorageError(
                f"the key of {of} was shredded {when:%Y-%m-%d}: nothing is sealed under it again",
                fix="collect under another source's name, or without `encrypt: true`",
            )
        if any(each.of == of for each in listed(project)):  # a new key would take the place of one that is only out of reach
            raise StorageError(f"the key of {of} is not there", where=f"{project.lake}/{_path(of)}", fix="bring the file back")
        key, by = DataKey(of, os.urandom(8), os.urandom(32)), master()
        _write(project, key, by)
        _note(project, of, "made", key.id.hex(), by.fingerprint, "lakehouse", "first use")
        return key


def opening_key(project: Project, of: str, id_: bytes) -> DataKey:
    """The data key by which something was sealed.

    Raises:
        StorageError: no or another master key, the class was shredded, or the key is not there.
    """
    found = _read(project, of)
    if found is None and (when := _shredded(project, of)):
        what = f"the key of {of} was shredded {when:%Y-%m-%d}: what was sealed under it cannot be read any more"
        raise StorageError(what, fix="collect under another source's name")
    if found is None or found["id"] != id_.hex():
        raise StorageError(f"the key {id_.hex()} of {of} is not there", where=f"{project.lake}/{_path(of)}", fix="bring the file back")
    return _unwrapped(found, of, master())


def opener(project: Project) -> partial[DataKey]:
    """`opening_key` of a project."""
    return partial(opening_key, project)


def rotate(project: Project, by: str) -> list[str]:
    """Wrap all data keys by the master key, those that the old one (LAKEHOUSE_OLD_MASTER_KEY) wraps now; classes that were rewrapped.

    No data is written anew. A killed rotation is finished by the next.

    Raises:
        StorageError: a master key is missing, or is not the one that wraps a data key; nothing of that class is changed.
    """
    new, done = master(), []
    with locked(project, "keys"):
        for each in listed(project):
            found = _read(project, each.of) if each.state == "whole" else None
            if found is None or found["master"] == new.fingerprint:
                continue
            key = _unwrapped(found, each.of, master(OLD_MASTER))
            _write(project, key, new)
            _note(project, each.of, "rewrapped", each.key, new.fingerprint, by, "rotation")
            done.append(each.of)
    return done


def shred(project: Project, of: str, by: str, reason: str) -> Listed:
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
        _place(project).delete(_path(of))
        return next(each for each in listed(project) if each.of == of)


def listed(project: Project) -> list[Listed]:
    """The classes that ever had a key, by name."""
    table = project.table("system", "keys")
    if not table.exists():
        return []
    found: dict[str, Listed] = {}
    for row in table.scan().collect().sort("at", maintain_order=True).iter_rows(named=True):
        state = "shredded" if row["event"] == "shredded" else "whole"
        since = found[row["class"]].since if row["class"] in found and state == "whole" else row["at"]
        found[row["class"]] = Listed(row["class"], row["key"], state, row["master"], since)
    return [found[of] for of in sorted(found)]


def _shredded(project: Project, of: str) -> datetime | None:
    return next((each.since for each in listed(project) if each.of == of and each.state == "shredded"), None)


def _path(of: str) -> str:
    return f"keys/{of}.json"


def _place(project: Project) -> Location:
    return Location(project.lake, project.settings.storage_options)


def _read(project: Project, of: str) -> dict[str, str] | None:
    text = _place(project).read(_path(of))
    if text is None:
        return None
    try:
        found: dict[str, str] = json.loads(text)
        if found.keys() >= {"id", "wrapped", "master"}:
            return found
    except ValueError:
        pass
    raise StorageError("the file of a data key is damaged", where=f"{project.lake}/{_path(of)}", fix="bring it back from a copy")


def _write(project: Project, key: DataKey, by: Master) -> None:
    nonce = os.urandom(_NONCE)
    wrapped = nonce + AESGCM(by.secret).encrypt(nonce, key.secret, _bound(key.of, key.id.hex()))
    text = json.dumps({"id": key.id.hex(), "master": by.fingerprint, "wrapped": base64.b64encode(wrapped).decode()})
    project.state.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=project.state) as file:
        file.write(text)
        file.flush()
        _place(project).put(_path(key.of), Path(file.name))


def _unwrapped(found: dict[str, str], of: str, by: Master) -> DataKey:
    try:
        wrapped = base64.b64decode(found["wrapped"])
        secret = AESGCM(by.secret).decrypt(wrapped[:_NONCE], wrapped[_NONCE:], _bound(of, found["id"]))
    except (InvalidTag, ValueError) as error:
        if found["master"] != by.fingerprint:
            what = f"the key of {of} is wrapped by master key {found['master']}; the one given is {by.fingerprint}"
            raise StorageError(what, fix=f"set {MASTER} to that one, or rotate: lakehouse keys rotate") from error
        raise StorageError(f"the key of {of} was changed", where=_path(of), fix="bring its file back from a copy") from error
    return DataKey(of, bytes.fromhex(found["id"]), secret)


def _bound(of: str, key: str) -> bytes:
    return f"{of}\0{key}".encode()


def _note(project: Project, of: str, event: str, key: str, by_master: str, by: str, reason: str) -> None:
    row = {"class": of, "event": event, "at": datetime.now(UTC), "key": key, "master": by_master, "by": by, "reason": reason}
    project.table("system", "keys").write(pl.DataFrame([row], schema=SCHEMA), "append")
