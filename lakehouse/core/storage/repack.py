"""Repack cold packs: a pack with forgotten items is written anew without them, so that their bytes leave the disks.

Kill-safe: the new pack is verified and in the register before the old one goes; what a kill left, the next call finishes.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from functools import partial
from typing import BinaryIO, cast

from lakehouse.core.lake.streams import Pieces
from lakehouse.core.project import Project
from lakehouse.core.runs.progress import Progress, silent
from lakehouse.core.storage import packs
from lakehouse.core.storage.pack_manifest import Item
from lakehouse.core.storage.packs import PackMember, PackRecord, Shards


def drop_forgotten(project: Project, progress: Progress = silent) -> int:
    """Rewrite packs that hold forgotten items, delete what is left of removed ones; returns the number of packs written anew.

    Raises:
        StorageError: a pack has lost more shards than it survives, or a location cannot be written.
    """
    if not project.settings.storage.locations:
        return 0
    done = 0
    for name, packed in packs.register(project).items():
        if packed.state == "packed" and packed.forgotten:
            if packed.wanted:
                packs.pack(project, [_member(project, packed, item) for item in packed.wanted], progress)
            packs.note(project, name, "removed", "")
            done += 1
    for packed in packs.register(project).values():
        if packed.state == "removed":
            packs.remove_files(project, packed.manifest)
    return done


def _member(project: Project, packed: PackRecord, item: Item) -> PackMember:
    """An item as it is packed, bytes and form."""
    return PackMember(item.name, partial(_opened, project, packed, item), item.encoding)


def _opened(project: Project, packed: PackRecord, item: Item) -> BinaryIO:
    shards = Shards(project, packed.manifest)
    return cast(BinaryIO, io.BufferedReader(_Blocks(shards.read(item.offset, item.size, shards.damaged()))))


class _Blocks(Pieces):
    """Blocks of a pack as a raw stream."""

    def __init__(self, blocks: Iterator[bytes]) -> None:
        super().__init__(io.BytesIO())
        self._blocks = blocks

    def piece(self) -> bytes | None:
        return next(self._blocks, None)
