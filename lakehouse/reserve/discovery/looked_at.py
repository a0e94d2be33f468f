"""The files of a material: one file, those of a folder, the members of an archive; each by its name and where its bytes are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

from lakehouse.core.errors import SourceError
from lakehouse.reserve.discovery.file_type import Look, look
from lakehouse.reserve.discovery.media import media_type
from lakehouse.reserve.formats.leftovers import files_of
from lakehouse.reserve.formats.unpack import is_archive, unpacked

_FILES = 200
"""Files of a folder whose content is looked at."""


@dataclass(frozen=True)
class Group:
    """Files of one media type, known by content; beyond the files of a folder that are looked at, by their ending."""

    type: str
    files: int
    bytes: int


@dataclass(frozen=True)
class LookedAt:
    """What was looked at.

    Attributes:
        looks: by the name of the file, its path below the folder or in the archive.
        names: of all files.
        unread: files that are no material: of no known format, or damaged; those without a byte are skipped when they are read.
        groups: the files by media type, the largest group first.
    """

    looks: dict[str, Look]
    names: tuple[str, ...]
    unread: tuple[str, ...]
    groups: tuple[Group, ...]
    notes: tuple[str, ...]


def is_packed(path: Path) -> bool:
    """Whether a file is an archive that a connector unpacks: by its name, unless it is an office file of that name."""
    if not path.is_file() or not is_archive(path.name):
        return False
    with path.open("rb") as handle:
        media = media_type(handle.read(8192))
    return media is None or media.kind == "archive" or not path.name.lower().endswith(".zip")


@contextmanager
def members_of(path: Path) -> Iterator[dict[str, Path]]:
    """The members of an archive as files, while the block lasts; raises as `unpacked` does."""
    with TemporaryDirectory(prefix="lakehouse-look-") as folder:
        place = Path(folder)
        files: dict[str, Path] = {}
        for number, (name, file) in enumerate(unpacked(place / "members", path, "archive", "*")):
            shown = place / "named" / str(number) / PurePosixPath(name.replace("\\", "/")).name
            shown.parent.mkdir(parents=True)
            shown.symlink_to(file)
            files[name] = shown
        yield files


def files_in(path: Path) -> dict[str, Path]:
    """The files of a folder by their paths below it; of a file itself.

    Raises:
        SourceError: there is none.
    """
    if path.is_file():
        return {path.name: path}
    if not path.is_dir():
        raise SourceError(f"`{path}` does not exist", fix="name a file, a folder or a declared source")
    found = files_of(path)
    if not found:
        raise SourceError(f"the folder `{path}` holds no files", fix="name another")
    return {file.relative_to(path).as_posix(): file for file in found}


def looked_at(path: Path, files: dict[str, Path]) -> LookedAt:
    """A look at the files of `path`, at most some hundred of them.

    Raises:
        SourceError: none of them can be read.
    """
    names = list(files)
    shown = names if len(names) <= _FILES else [names[at * len(names) // _FILES] for at in range(_FILES)]
    looks: dict[str, Look] = {}
    reasons = Counter[str]()
    unread: list[str] = []
    for name in shown:
        try:
            looks[name] = look(files[name])
        except SourceError as error:
            if path.is_file() and len(files) == 1 and files[name] == path:
                raise
            reasons[error.what] += 1
            unread += [name] if files[name].stat().st_size else []
            last = error
    if not looks:
        raise SourceError(f"none of the {len(files):,} files of `{path}` can be read: {last.what}", where=last.where, fix=last.fix)
    notes = [f"{n:,} of its files: {what}" for what, n in reasons.items()]
    wrong = [one for one in looks.values() if one.mismatch]
    notes += [f"{one.file.name} is {one.mismatch}" for one in wrong[:5]]
    if len(shown) < len(files):
        notes.append(f"{len(shown):,} of {len(files):,} files were looked at")
    return LookedAt(looks, tuple(names), tuple(unread), _groups(looks, files), tuple(notes))


def _groups(looks: dict[str, Look], files: dict[str, Path]) -> tuple[Group, ...]:
    counts, sizes = Counter[str](), Counter[str]()
    for one in looks.values():
        counts[one.type] += 1
        sizes[one.type] += one.size
    likely = {one.file.suffix.lower(): one.type for one in looks.values()}
    for name, file in files.items():
        if name not in looks and (kind := likely.get(file.suffix.lower())):
            counts[kind] += 1
            sizes[kind] += file.stat().st_size
    return tuple(Group(kind, counts[kind], n) for kind, n in sizes.most_common())
