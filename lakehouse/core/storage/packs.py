"""Cold packs: files together, divided into shards over the locations that `storage` of lakehouse.yaml names.

Kill-safe: the register (`system/packs`) holds `begun` with the manifest before the first shard is written and `packed` after all were
read back. What was begun and not packed is taken away by the next packing; only what is packed may be removed elsewhere.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Set
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal, cast

import polars as pl

from lakehouse.core.errors import SpecError, StorageError
from lakehouse.core.hashing import canonical
from lakehouse.core.journal import Journal
from lakehouse.core.lake.location import Location
from lakehouse.core.lake.store import storage_error
from lakehouse.core.project import Project
from lakehouse.core.runs.progress import Progress, silent
from lakehouse.core.storage.pack_manifest import Item, Manifest, manifest_path, parse
from lakehouse.core.storage.reed_solomon import BLOCK, parity, recover
from lakehouse.core.storage.stored_forms import plain, staging

JOURNAL = Journal(
    "packs",
    pl.Schema(
        {
            "pack": pl.String(),
            "event": pl.String(),  # begun, packed, forgotten, removed
            "payload": pl.String(),  # begun: the manifest; forgotten: names of items
        }
    ),
)


@dataclass(frozen=True)
class PackMember:
    """A file that is to be packed: its name, how its bytes are opened, and how these were made of its own."""

    name: str
    open: Callable[[], BinaryIO]
    encoding: str = ""


@dataclass(frozen=True)
class PackRecord:
    """A pack as the register has it; `forgotten` items are wanted no more."""

    manifest: Manifest
    state: Literal["begun", "packed", "removed"]
    forgotten: frozenset[str]

    @property
    def wanted(self) -> tuple[Item, ...]:
        """The items that are still wanted."""
        return tuple(item for item in self.manifest.items if item.name not in self.forgotten)


def locations(project: Project) -> list[Location]:
    """The declared locations, in order."""
    declared = project.settings.storage.locations
    return [Location(project.place(place), project.settings.storage_options) for place in declared]


def register(project: Project) -> dict[str, PackRecord]:
    """All packs ever begun, by name."""
    table = JOURNAL.table(project)
    if not table.exists():
        return {}
    delta = table.delta()
    key = (str(delta.metadata().id), delta.version())
    found = _READ.get(key)
    if found is None:
        found = _parsed(JOURNAL.read(project, version=delta.version()))
        _READ.clear()
        _READ[key] = found
    return found


_READ: dict[tuple[str, int], dict[str, PackRecord]] = {}
"""The register as it was last read, by the table's own id and version: every new blob is looked for in it."""


def _parsed(events: pl.DataFrame) -> dict[str, PackRecord]:
    found: dict[str, PackRecord] = {}
    for pack, event, text in events.select("pack", "event", "payload").iter_rows():
        if event == "begun":
            manifest = parse(text, pack)
            assert manifest is not None
            found[pack] = PackRecord(manifest, "begun", frozenset())
        elif event == "forgotten":
            found[pack] = PackRecord(found[pack].manifest, found[pack].state, found[pack].forgotten | set(json.loads(text)))
        else:
            found[pack] = PackRecord(found[pack].manifest, event, found[pack].forgotten)
    return found


def find(project: Project, name: str) -> tuple[Manifest, Item] | None:
    """The pack that holds a file, and its place there."""
    if not project.settings.storage.locations:
        return None
    for packed in register(project).values():
        if packed.state == "packed":
            for item in packed.wanted:
                if item.name == name:
                    return packed.manifest, item
    return None


def open_item(project: Project, name: str) -> BinaryIO | None:
    """The bytes of a packed file, verified before they are handed out; None if no pack holds it.

    Missing and damaged shards are made up from the others. The file is held in a local one that is gone once it is closed.

    Raises:
        StorageError: too many shards are missing or damaged.
    """
    found = find(project, name)
    if found is None:
        return None
    manifest, item = found
    shards = Shards(project, manifest)
    for look_first in (False, True):
        with ExitStack() as stack:
            handle = cast(BinaryIO, stack.enter_context(tempfile.TemporaryFile(dir=staging(project))))
            sha = hashlib.sha256()
            for block in shards.read(item.offset, item.size, shards.damaged() if look_first else frozenset()):
                sha.update(block)
                handle.write(block)
            if sha.hexdigest() == item.sha256:
                stack.pop_all()
                handle.seek(0)
                return plain(project, handle, item.encoding, name)
    raise StorageError(f"`{name}` in pack {manifest.pack} is not what was packed", fix="lakehouse storage scrub shows what is wrong")


@dataclass(frozen=True)
class Shards:
    """The shards of a pack in its locations."""

    project: Project
    manifest: Manifest

    def holder(self, number: int, good: Callable[[Location], bool]) -> Location | None:
        """The location that has a shard: its own, else any, as locations may be declared in another order by now."""
        places = locations(self.project)
        own = places[number : number + 1]
        return next((place for place in (*own, *(p for p in places if p not in own)) if good(place)), None)

    def damaged(self) -> frozenset[int]:
        """Numbers of the shards that no location has as they were written."""
        return frozenset(number for number in range(self.manifest.total) if self.intact(number) is None)

    def intact(self, number: int) -> Location | None:
        """The location that has a shard as it was written."""
        path, sha = self.manifest.shard(number), self.manifest.shards[number]
        return self.holder(number, lambda place: place.digest(path) == sha)

    def block(self, number: int, start: int, length: int) -> bytes | None:
        """Bytes of a shard, unverified; None where no location has them."""
        path = self.manifest.shard(number)
        found: list[bytes] = []

        def has(place: Location) -> bool:
            data = place.read(path, start, length)
            if data is None or len(data) != length:
                return False
            found.append(data)
            return True

        return found[0] if self.holder(number, has) is not None else None

    def read(self, offset: int, size: int, bad: Set[int]) -> Iterator[bytes]:
        """Bytes of the pack by blocks, from data shards, or from any others where one is missing or `bad`.

        Raises:
            StorageError: fewer shards are left than are needed.
        """
        at, width = offset, self.manifest.shard_bytes
        while at < offset + size:
            number, start = divmod(at, width)
            length = min(BLOCK, width - start, offset + size - at)
            data = None if number in bad else self.block(number, start, length)
            yield self.row(start, length, {*bad, number})[number] if data is None else data
            at += length

    def row(self, start: int, length: int, bad: Set[int]) -> list[bytes]:
        """The same bytes of all data shards, from as many of the shards as it takes.

        Raises:
            StorageError: fewer shards are left than are needed.
        """
        found: dict[int, bytes] = {}
        for number in range(self.manifest.total):
            if number not in bad and (data := self.block(number, start, length)) is not None:
                found[number] = data
            if len(found) == self.manifest.data:
                return recover(found, self.manifest.data, self.manifest.total)
        what = f"pack {self.manifest.pack} has {len(found)} readable shards of {self.manifest.total} and needs {self.manifest.data}"
        raise StorageError(what, fix="bring a lost location back, then: lakehouse storage scrub --repair")


def pack(project: Project, members: Iterable[PackMember], progress: Progress = silent) -> Manifest:
    """Write one pack of the members, in the order of their names; what it holds may be removed elsewhere afterwards.

    Local disk: about two and a half times the pack, for the time of writing. Nobody else may be packing.

    Raises:
        SpecError: no locations are declared, or not as many as there are shards.
        StorageError: a location cannot be written, or gives back other bytes.
    """
    storage, places = project.settings.storage, locations(project)
    if not places:
        raise SpecError("no locations for packs are declared", where="lakehouse.yaml", fix="storage: {locations: [...]}")
    _clean_up(project)
    with tempfile.TemporaryDirectory(dir=staging(project)) as staged:
        items, whole_pack = _joined(Path(staged), sorted(members, key=lambda member: member.name))
        shards = Path(staged)
        digests, width = _divide(whole_pack, shards, storage.data_shards, storage.parity_shards)
        size = whole_pack.stat().st_size
        whole_pack.unlink()
        manifest = Manifest(
            data=storage.data_shards, parity=storage.parity_shards, size=size, shard_bytes=width, shards=digests, items=items
        )
        note(project, manifest.pack, "begun", manifest.text)
        for number, place in enumerate(places):
            progress(f"packing {len(items):,} files", number, manifest.total)
            put_verified(place, manifest.shard(number), shards / f"{number}.shard", digests[number])
        text = shards / "manifest.json"
        text.write_text(manifest.text, encoding="utf-8")
        for place in places:
            place.put(manifest_path(manifest.pack), text)
        note(project, manifest.pack, "packed", "")
    return manifest


def forget(project: Project, unwanted: Callable[[str], bool]) -> None:
    """Items whose names are unwanted are found no more; a pack of which nothing is wanted is removed."""
    for name, packed in register(project).items():
        if packed.state != "packed":
            continue
        gone = [item.name for item in packed.wanted if unwanted(item.name)]
        if gone:
            note(project, name, "forgotten", canonical(gone))
        if len(gone) == len(packed.wanted):
            note(project, name, "removed", "")
            remove_files(project, packed.manifest)


def remove_files(project: Project, manifest: Manifest) -> None:
    """Delete what the locations have of a pack."""
    for place in locations(project):
        for path in list(place.names(f"packs/{manifest.pack}")):
            place.delete(path)


def put_verified(place: Location, path: str, file: Path, sha256: str) -> None:
    """Copy a shard to its location and read it back.

    Raises:
        StorageError: it cannot be written, or comes back changed.
    """
    place.put(path, file)
    if place.digest(path) != sha256:
        raise StorageError("what was written comes back changed", where=f"{place.at}/{path}", fix="look at this location's disk")


def note(project: Project, pack: str, event: str, payload: str) -> None:
    """Append an event of a pack to the register."""
    JOURNAL.append(project, pack=pack, event=event, payload=payload)


def _clean_up(project: Project) -> None:
    """Take away what a killed packing left."""
    for name, packed in register(project).items():
        if packed.state == "begun":
            remove_files(project, packed.manifest)
            note(project, name, "removed", "")
    for left in staging(project).glob("tmp*/"):
        shutil.rmtree(left)


def _joined(folder: Path, members: list[PackMember]) -> tuple[tuple[Item, ...], Path]:
    """The members one behind the other in a file."""
    items, path, at = [], folder / "whole", 0
    with _errors(path), path.open("wb") as whole_pack:
        for member in members:
            sha, begin = hashlib.sha256(), at
            with member.open() as handle:
                while block := handle.read(BLOCK):
                    sha.update(block)
                    at += whole_pack.write(block)
            items.append(Item(member.name, begin, at - begin, sha.hexdigest(), member.encoding))
    return tuple(items), path


def _divide(path: Path, folder: Path, data: int, extra: int) -> tuple[tuple[str, ...], int]:
    """Write the shards of a file into a folder; their digests and length."""
    width = max(1, -(-path.stat().st_size // data))
    digests = [hashlib.sha256() for _ in range(data + extra)]
    with ExitStack() as stack, _errors(folder):
        sources = [stack.enter_context(path.open("rb")) for _ in range(data)]
        for number, source in enumerate(sources):
            source.seek(number * width)
        shards = [stack.enter_context((folder / f"{number}.shard").open("wb")) for number in range(data + extra)]
        for start in range(0, width, BLOCK):
            length = min(BLOCK, width - start)
            blocks = [source.read(length).ljust(length, b"\0") for source in sources]
            for sha, shard, block in zip(digests, shards, [*blocks, *parity(blocks, extra)], strict=True):
                sha.update(block)
                shard.write(block)
    return tuple(sha.hexdigest() for sha in digests), width


@contextmanager
def _errors(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise storage_error(error, str(path)) from error
