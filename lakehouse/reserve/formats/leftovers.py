"""Files that an operating system or an office program leaves beside the material: they are no material."""

from __future__ import annotations

from pathlib import Path

FOLDERS = frozenset({"__macosx", "@eadir"})
_FILES = frozenset({".ds_store", "thumbs.db", "ehthumbs.db", "desktop.ini"})


def is_leftover_file(name: str) -> bool:
    """Whether a file's name is one of macOS (AppleDouble, Finder), of Windows' Explorer, or of the lock of an open Office file."""
    return name.startswith(("._", "~$")) or name.lower() in _FILES


def is_leftover(path: str) -> bool:
    """Whether a path (its parts parted by `/`) is such a file, or in a folder of macOS' archiver or of a Synology NAS."""
    *folders, name = path.split("/")
    return is_leftover_file(name) or any(folder.lower() in FOLDERS for folder in folders)


def is_hidden(path: str) -> bool:
    """Whether a part of a path begins with a dot, as hidden files and folders do; `.` and `..` are none."""
    return any(part.startswith(".") and part not in (".", "..") for part in path.split("/"))


def files_of(folder: Path) -> list[Path]:
    """The files below a folder that are neither hidden nor leftovers, in the order of their paths."""
    below = ((file, file.relative_to(folder).as_posix()) for file in folder.rglob("*") if file.is_file())
    return sorted(file for file, name in below if not is_hidden(name) and not is_leftover(name))
