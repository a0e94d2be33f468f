"""Read every shard of every pack, report missing and damaged ones, and restore them from the others."""

from __future__ import annotations

import hashlib
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lakehouse.core.errors import StorageError
from lakehouse.core.lake.location import Location
from lakehouse.core.project import Project
from lakehouse.core.runs.lock import locked
from lakehouse.core.runs.progress import Progress, silent
from lakehouse.core.storage.pack_manifest import FOLDER, Manifest, manifest_path, parse
from lakehouse.core.storage.packs import Shards, locations, put_verified, register, remove_files
from lakehouse.core.storage.reed_solomon import BLOCK, parity


@dataclass(frozen=True)
class Fault:
    """A shard or a manifest that is not as it was written.

    Attributes:
        part: `shard 3`, or `manifest`.
        state: `missing` or `damaged`.
        repaired: it is whole again.
    """

    pack: str
    location: str
    part: str
    state: str
    repaired: bool


@dataclass(frozen=True)
class LostPack:
    """A pack that cannot be read any more: fewer shards are intact than are needed, or no manifest is left."""

    pack: str
    intact: int
    needed: int
    items: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class ScrubResult:
    """The result of reading every shard.

    Attributes:
        packs, shards, bytes: that are as they were written, before any repair.
        faults: what is not.
        lost: packs beyond repair; nothing of them was written.
    """

    packs: int
    shards: int
    bytes: int
    faults: tuple[Fault, ...]
    lost: tuple[LostPack, ...]
    seconds: float

    @property
    def whole(self) -> bool:
        """Whether everything is as it was written, after repairs."""
        return not self.lost and all(fault.repaired for fault in self.faults)


def scrub(project: Project, *, repair: bool = False, progress: Progress = silent) -> ScrubResult:
    """Read all shards and manifests of the packs that the lake or any location knows.

    Memory: some megabytes; with `repair`, the local disk holds the shards of one pack that are made again.

    Raises:
        LockedError: packs are being written or repaired.
        StorageError: a location cannot be written; what was repaired until then stays.
    """
    started, places = time.monotonic(), locations(project)
    packs = shards = size = 0
    faults: list[Fault] = []
    lost: list[LostPack] = []
    with locked(project, "storage"):
        for pack, manifest in _known(project, places):
            packs += 1
            progress("scrubbing packs", packs, None)
            if manifest is None:
                lost.append(LostPack(pack, 0, 0, ()))
                continue
            bad, good = _faults(project, places, manifest)
            intact = manifest.total - len({fault.part for fault in bad if fault.part != "manifest"})
            shards, size = shards + good, size + good * manifest.shard_bytes
            if intact < manifest.data:
                lost.append(LostPack(pack, intact, manifest.data, tuple(item.name for item in manifest.items)))
            elif repair and bad:
                _repair(project, places, manifest, bad)
                bad = [Fault(f.pack, f.location, f.part, f.state, repaired=True) for f in bad]
            faults += bad
        if repair:
            for packed in register(project).values():
                if packed.state == "removed":
                    remove_files(project, packed.manifest)
    return ScrubResult(packs=packs, shards=shards, bytes=size, faults=tuple(faults), lost=tuple(lost), seconds=time.monotonic() - started)


def _known(project: Project, places: list[Location]) -> Iterator[tuple[str, Manifest | None]]:
    """The packs of the register that are whole, and those that only locations know: the lake may have been lost."""
    known = register(project)
    yield from ((pack, packed.manifest) for pack, packed in known.items() if packed.state == "packed")
    there = {name.split("/")[1] for place in places for name in place.names(FOLDER)}
    for pack in sorted(there - known.keys()):
        yield pack, next((m for place in places if (m := parse(place.read(manifest_path(pack)), pack))), None)


def _faults(project: Project, places: list[Location], manifest: Manifest) -> tuple[list[Fault], int]:
    """The faults of a pack, and the number of its whole shards."""
    faults, reader = [], Shards(project, manifest)
    for number in range(manifest.total):
        if reader.intact(number) is None:
            path = manifest.shard(number)
            states = {place.at: "damaged" for place in places if place.read(path, 0, 1) is not None}
            at = next(iter(states), places[number % len(places)].at)
            faults.append(Fault(manifest.pack, at, f"shard {number}", states.get(at, "missing"), repaired=False))
    good = manifest.total - len(faults)
    for place in places:
        text = place.read(manifest_path(manifest.pack))
        if parse(text, manifest.pack) is None:
            faults.append(Fault(manifest.pack, place.at, "manifest", "missing" if text is None else "damaged", repaired=False))
    return faults, good


def _repair(project: Project, places: list[Location], manifest: Manifest, faults: list[Fault]) -> None:
    """Make the shards and manifests again that are missing or damaged; a shard is verified before it takes its place."""
    wrong = {int(fault.part.removeprefix("shard ")): fault.location for fault in faults if fault.part != "manifest"}
    at = {place.at: place for place in places}
    with tempfile.TemporaryDirectory(dir=project.state) as staged:
        files = {number: Path(staged, f"{number}.shard") for number in wrong}
        digests = {number: hashlib.sha256() for number in wrong}
        handles = {number: file.open("wb") for number, file in files.items()}
        reader = Shards(project, manifest)
        for start in range(0, manifest.shard_bytes if wrong else 0, BLOCK):
            blocks = reader.row(start, min(BLOCK, manifest.shard_bytes - start), wrong.keys())
            row = [*blocks, *parity(blocks, manifest.parity)]
            for number, handle in handles.items():
                handle.write(row[number])
                digests[number].update(row[number])
        for number, handle in handles.items():
            handle.close()
            if digests[number].hexdigest() != manifest.shards[number]:
                what = f"shard {number} of pack {manifest.pack} came out otherwise than it was written; the old one stays"
                raise StorageError(what, fix="a location changed meanwhile: lakehouse storage scrub --repair again")
            put_verified(at[wrong[number]], manifest.shard(number), files[number], manifest.shards[number])
        text = Path(staged, "manifest.json")
        text.write_text(manifest.text, encoding="utf-8")
        for fault in faults:
            if fault.part == "manifest":
                at[fault.location].put(manifest_path(manifest.pack), text)
