"""Data keys as the lake keeps them: `keys/<class>.json`, each wrapped by a master key that the lake does not hold.

Not in a table: Delta keeps what is deleted from it, and a key that is shredded has to be gone. The master key is in LAKEHOUSE_MASTER_KEY or
in the file that LAKEHOUSE_MASTER_KEY_FILE names: 32 bytes in base64.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import os
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from lakehouse.core.errors import StorageError
from lakehouse.core.lake.location import Location
from lakehouse.core.lake.sealing.streams import DataKey

MASTER = "LAKEHOUSE_MASTER_KEY"
OLD_MASTER = "LAKEHOUSE_OLD_MASTER_KEY"
_NONCE = 12


@dataclass(frozen=True)
class Master:
    """A master key; `fingerprint` identifies it without revealing it."""

    secret: bytes = field(repr=False)

    @property
    def fingerprint(self) -> str:
        """8 hex digits of a digest of the key."""
        return hashlib.sha256(b"lakehouse master key\0" + self.secret).hexdigest()[:8]


@dataclass(frozen=True)
class StoredKey:
    """The lake's entry of a class's key: its id and its wrapping, or the day (ISO 8601) on which it was shredded."""

    id: str = ""
    master: str = ""
    wrapped: str = field(default="", repr=False)
    shredded: str = ""


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


def kept(lake: Location, of: str) -> StoredKey | None:
    """The lake's entry of a class's key; None where it never had one.

    Raises:
        StorageError: the file is damaged.
    """
    text = lake.read(_path(of))
    if text is None:
        return None
    try:
        found = json.loads(text)
        if found.keys() >= {"shredded"} or found.keys() >= {"id", "wrapped", "master"}:
            return StoredKey(**found)
    except (ValueError, TypeError, AttributeError):
        pass
    raise StorageError("the file of a data key is damaged", where=f"{lake.at}/{_path(of)}", fix="bring it back from a copy")


def current_key(lake: Location, of: str) -> DataKey:
    """The data key that a class is sealed under.

    Raises:
        StorageError: no or another master key, the class was shredded, or its key is not there.
    """
    found = kept(lake, of)
    if found is None:
        raise missing(lake, of)
    if found.shredded:
        raise StorageError(
            f"the key of {of} was shredded {found.shredded}: nothing is sealed under it again",
            fix="collect under another source's name, or without `encrypt: true`",
        )
    return unwrapped(found, of, master())


def opening_key(lake: Location, of: str, id_: bytes) -> DataKey:
    """The data key by which something was sealed.

    Raises:
        StorageError: no or another master key, the class was shredded, or the key is not there.
    """
    found = kept(lake, of)
    if found is not None and found.shredded:
        what = f"the key of {of} was shredded {found.shredded}: what was sealed under it cannot be read any more"
        raise StorageError(what, fix="collect under another source's name")
    if found is None or found.id != id_.hex():
        raise missing(lake, of, f"{id_.hex()} ")
    return unwrapped(found, of, master())


def missing(lake: Location, of: str, id_: str = "") -> StorageError:
    """The error of a missing key: another key would not open what was sealed under it."""
    named = f"the key {id_}of {of} is not there"
    return StorageError(named, where=f"{lake.at}/{_path(of)}", fix="bring the file back")


def keep(lake: Location, state: Path, key: DataKey, by: Master) -> None:
    """Keep a data key, wrapped."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    nonce = os.urandom(_NONCE)
    sealed = nonce + AESGCM(by.secret).encrypt(nonce, key.secret, _bound(key.of, key.id.hex()))
    _put(lake, state, key.of, {"id": key.id.hex(), "master": by.fingerprint, "wrapped": base64.b64encode(sealed).decode()})


def destroy(lake: Location, state: Path, of: str, day: str) -> None:
    """Put the day of its end in the place of a key."""
    lake.delete(_path(of))
    _put(lake, state, of, {"shredded": day})


def unwrapped(found: StoredKey, of: str, by: Master) -> DataKey:
    """The key that is kept.

    Raises:
        StorageError: another master key wraps it, or it was changed.
    """
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    try:
        wrapped = base64.b64decode(found.wrapped)
        secret = AESGCM(by.secret).decrypt(wrapped[:_NONCE], wrapped[_NONCE:], _bound(of, found.id))
        return DataKey(of, bytes.fromhex(found.id), secret)
    except (InvalidTag, ValueError) as error:
        if found.master != by.fingerprint:
            what = f"the key of {of} is wrapped by master key {found.master}; the one given is {by.fingerprint}"
            raise StorageError(what, fix=f"set {MASTER} to that one, or rotate: lakehouse storage keys rotate") from error
        raise StorageError(f"the key of {of} was changed", where=_path(of), fix="bring its file back from a copy") from error


def _put(lake: Location, state: Path, of: str, entry: dict[str, str]) -> None:
    state.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=state) as file:
        file.write(json.dumps(entry))
        file.flush()
        lake.put(_path(of), Path(file.name))


def _path(of: str) -> str:
    return f"keys/{of}.json"


def _bound(of: str, key: str) -> bytes:
    return f"{of}\0{key}".encode()
