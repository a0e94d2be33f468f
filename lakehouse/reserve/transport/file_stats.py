"""File system metadata of files: shows, without opening a file, which ones may have changed."""

from __future__ import annotations

import os
from array import array
from collections.abc import Callable, Iterable

import numpy as np
import polars as pl

from lakehouse.core.errors import SourceError
from lakehouse.reserve.formats.compression import damage_named
from lakehouse.reserve.formats.leftovers import FOLDERS, is_leftover_file

SEEN = ("size", "changed_ns", "moved_ns", "inode")
"""A file that has these as they were is taken for untouched: size, times of change of its bytes and of its metadata, inode."""
_INODE = (1 << 63) - 1


class FileStats:
    """Files looked at, a row each."""

    def __init__(self) -> None:
        self._paths: list[str] = []
        self._seen = array("q")

    def __len__(self) -> int:
        return len(self._paths)

    def frame(self) -> pl.DataFrame:
        """`path` and the columns of SEEN, in the order in which they were looked at.

        Raises:
            SourceError: a name that is not UTF-8.
        """
        try:
            paths = pl.Series("path", self._paths, pl.String)
        except UnicodeEncodeError as error:
            bad = next(path for path in self._paths if not _is_text(path))
            shown = os.fsencode(bad).decode("utf-8", "backslashreplace")
            raise SourceError("the name of a file is not UTF-8", where=shown, fix="rename it") from error
        numbers = np.frombuffer(self._seen, np.int64).reshape(-1, len(SEEN))
        return pl.DataFrame([paths, *(pl.Series(name, numbers[:, at]) for at, name in enumerate(SEEN))])

    def at(self, paths: Iterable[str]) -> None:
        """Look at each file.

        Raises:
            SourceError: one that is not there, or may not be looked at.
        """
        for path in paths:
            with damage_named(path):
                about = os.stat(path)  # noqa: PTH116 - a Path of each would cost as much as the look
            self._paths.append(path)
            self._seen.extend((about.st_size, about.st_mtime_ns, about.st_ctime_ns, about.st_ino & _INODE))

    def below(self, folder: str, *, hidden: bool, named: Callable[[str], object] = bool) -> None:
        """Look at the files below a folder whose name `named` accepts; a hidden one and a leftover is none of them, nor what is in a hidden
        folder unless `hidden`. Folders that are links are not entered, and links to nothing are left out.

        Raises:
            SourceError: a folder or file that may not be looked at.
        """
        waiting = [folder]
        while waiting:
            at = waiting.pop()
            try:
                # By the handle of its folder a file is found without a walk from the root: a third of the time of each look.
                handle = os.open(at, os.O_RDONLY | os.O_DIRECTORY)
                try:
                    with os.scandir(handle) as entries:
                        waiting += self._entries(entries, f"{at.rstrip('/')}/", hidden, named)
                finally:
                    os.close(handle)
            except OSError as error:
                raise SourceError(f"the folder cannot be read: {error.strerror}", where=at, fix="give the right to read it") from error

    def _entries(self, entries: Iterable[os.DirEntry[str]], above: str, hidden: bool, named: Callable[[str], object]) -> list[str]:
        """Note the files of a folder; the folders in it that are to be entered."""
        folders, add, see = [], self._paths.append, self._seen.extend
        for entry in entries:
            name = entry.name
            shown = name[0] != "."
            if entry.is_dir(follow_symlinks=False):
                if (shown or hidden) and name.lower() not in FOLDERS:
                    folders.append(above + name)
            elif shown and named(name) and not is_leftover_file(name) and entry.is_file():
                try:
                    about = entry.stat()
                except FileNotFoundError:
                    continue  # it went while the folder was read
                add(above + name)
                see((about.st_size, about.st_mtime_ns, about.st_ctime_ns, about.st_ino & _INODE))
        return folders


def _is_text(path: str) -> bool:
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True
