"""The manifest of a pack: its items and its shards. The pack is named by the digest of its manifest, so a changed manifest is detected."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

from lakehouse.core.hashing import canonical, digest

FOLDER = "packs"


@dataclass(frozen=True)
class Item:
    """A file in a pack.

    Attributes:
        name: its path below the lake's root, or `archive/...` of an archive's file.
        offset: the place of its first byte in the pack.
        size: its bytes.
        sha256: of these bytes.
        encoding: the form of these bytes (`forms`), such as `.zst`; empty if they are the file's own.
    """

    name: str
    offset: int
    size: int
    sha256: str
    encoding: str = ""


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """A pack of `size` bytes in `data` shards of `shard_bytes` each, the last filled up with zeros, and `parity` more.

    Attributes:
        shards: hex SHA-256 of each, data first.
    """

    data: int
    parity: int
    size: int
    shard_bytes: int
    shards: tuple[str, ...]
    items: tuple[Item, ...]

    @cached_property
    def pack(self) -> str:
        """Name of the pack: 32 hex digits of SHA-256 over the manifest."""
        return digest(asdict(self))[:32]

    @property
    def total(self) -> int:
        """Number of shards."""
        return self.data + self.parity

    @property
    def text(self) -> str:
        """The manifest as its file holds it."""
        return canonical(asdict(self))

    def shard(self, number: int) -> str:
        """Path of a shard in its location."""
        return f"{FOLDER}/{self.pack}/{number}.shard"


def manifest_path(pack: str) -> str:
    """Path of a pack's manifest in each location."""
    return f"{FOLDER}/{pack}/manifest.json"


def parse(text: str | bytes | None, pack: str) -> Manifest | None:
    """The manifest of a pack; None where the text is missing or is not what was written."""
    try:
        values: Mapping[str, Any] = json.loads(text or b"")
        items = tuple(Item(**item) for item in values["items"])
        found = Manifest(**{**values, "shards": tuple(values["shards"]), "items": items})
    except (ValueError, TypeError, KeyError):
        return None
    return found if found.pack == pack else None
