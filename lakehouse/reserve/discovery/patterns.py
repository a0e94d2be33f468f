"""The pattern by which a source reads some files of a folder, or members of an archive, and no others."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import partial
from glob import escape
from pathlib import PurePosixPath


@dataclass(frozen=True)
class FilePattern:
    """Which files are read.

    Attributes:
        path: what is behind the folder in `path:`, empty: all of it. Of an archive the value of `members:`.
        matches: whether a file is read, by its path below the folder.
        left: files that are of the kind and are not read.
        wrong: files that are read though they are not of the kind: they will fail, or become findings.
    """

    path: str
    matches: Callable[[str], bool]
    left: tuple[str, ...]
    wrong: tuple[str, ...]


def pattern(chosen: Sequence[str], others: Sequence[str], main: str, *, archive: bool) -> FilePattern:
    """The widest pattern that reads all of the chosen files and none of the others, or else as many as none of the others allow.

    Args:
        chosen: paths below the folder, or names of members.
        others: files that are of another kind, or cannot be read.
        main: the chosen file whose ending and folder count where there are several.
    """
    made = [_judged(path, matches, chosen, others) for path, matches in _candidates(chosen, others, main, archive=archive)]
    whole = [each for each in made if not each.left and not each.wrong]
    if whole:
        return whole[0]
    # Reading a file of another kind fails the run; reading fewer is said.
    clean = [each for each in made if not each.wrong and len(each.left) * 2 <= len(chosen)]
    return min(clean, key=lambda each: len(each.left)) if clean else min(made, key=lambda each: (len(each.left), len(each.wrong)))


def _judged(path: str, matches: Callable[[str], bool], chosen: Sequence[str], others: Sequence[str]) -> FilePattern:
    left, wrong = tuple(n for n in chosen if not matches(n)), tuple(n for n in others if matches(n))
    return FilePattern(path, matches, left, wrong)


def _candidates(chosen: Sequence[str], others: Sequence[str], main: str, *, archive: bool) -> Iterable[tuple[str, Callable[[str], bool]]]:
    ending, folder = PurePosixPath(main).suffix, _common(chosen)
    if archive:
        for each in ("*", f"*{escape(ending)}", f"{escape(folder)}*", f"{escape(folder)}*{escape(ending)}", escape(main)):
            yield each, partial(_is_like, each)
        if first := _first_letters(others, chosen, ending):
            yield f"{first}*{escape(ending)}", partial(_is_like, f"{first}*{escape(ending)}")
        return
    yield "", lambda _: True
    if ending:
        yield f"**/*{escape(ending)}", lambda name: name.endswith(ending)
    if folder:
        yield folder.rstrip("/"), lambda name: name.startswith(folder)
        if ending:
            yield f"{escape(folder)}**/*{escape(ending)}", lambda name: name.startswith(folder) and name.endswith(ending)
    if first := _first_letters([_last(n) for n in others], [_last(n) for n in chosen], ending):
        each = f"{first}*{escape(ending)}"
        yield f"**/{each}", lambda name: _is_like(each, _last(name))
    direct = str(PurePosixPath(main).parent)
    direct = "" if direct == "." else f"{direct}/"
    yield f"{escape(direct)}*{escape(ending)}", lambda name: _is_in(name, direct) and name.endswith(ending)
    yield main, lambda name: name == main


def _first_letters(others: Sequence[str], chosen: Sequence[str], ending: str) -> str:
    """A class of letters with which none of the others begins and each of the chosen does; empty: there is none."""
    letters = {name[0] for name in others if name.endswith(ending)}
    plain = 0 < len(letters) <= 8 and all(letter.isalnum() for letter in letters)
    return f"[!{''.join(sorted(letters))}]" if plain and not letters & {name[0] for name in chosen} else ""


def _is_like(pattern: str, name: str) -> bool:
    return fnmatchcase(name, pattern)


def _last(name: str) -> str:
    return name.rpartition("/")[2]


def _is_in(name: str, folder: str) -> bool:
    return name.startswith(folder) and "/" not in name[len(folder) :]


def _common(names: Sequence[str]) -> str:
    """The folder in which all names are, with its `/`; empty: they have none in common."""
    parts = [PurePosixPath(name).parent.parts for name in names]
    common: list[str] = []
    for each in zip(*parts, strict=False):
        if len(set(each)) > 1:
            break
        common.append(each[0])
    return "".join(f"{part}/" for part in common)
