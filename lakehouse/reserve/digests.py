"""SHA-256 of files, remembered by what the file system says of them, so that an untouched file is not read again."""

from __future__ import annotations

import hashlib
import time
from pathlib import Path

from lakehouse.hashing import file_digest

_RACY_NS = 2_000_000_000
"""A file changed less than this before it was hashed can change again without another time of change (as git's index has it)."""


def known_digest(folder: Path, file: Path) -> str:
    """The SHA-256 of `file`; computed where its size, inode or time of change are not those under which it is kept in `folder`."""
    about = file.stat()
    seen = f"{about.st_size} {about.st_mtime_ns} {about.st_ctime_ns} {about.st_ino}"
    note = folder / hashlib.sha256(str(file.resolve()).encode()).hexdigest()[:32]
    try:
        kept, found = note.read_text(encoding="ascii").split("\n")
        if kept == seen:
            return found
    except (OSError, ValueError):
        pass  # not noted yet, or a note that cannot be read: the file itself is
    started = time.time_ns()
    found = file_digest(file)
    if started - max(about.st_mtime_ns, about.st_ctime_ns) > _RACY_NS:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            note.write_text(f"{seen}\n{found}", encoding="ascii")
        except OSError:
            pass  # a note that cannot be kept costs the next collection a look at the file, no more
    return found
