"""What a user should know of how a file is read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath

from lakehouse.core.text.numbers import counted
from lakehouse.reserve.discovery.file_type import Look
from lakehouse.reserve.discovery.patterns import FilePattern
from lakehouse.reserve.discovery.sheets import Sheet


def reading_notes(main: Look) -> list[str]:
    """What a user should know of how a file is read: what is left out, and what was decided about its header."""
    notes = []
    layout = main.layout
    if layout is not None and layout.structure == "csv":
        notes += _of_header(layout.names, layout.header)
        if layout.skip_before_header - bool(layout.names) > 0:
            above = counted(layout.skip_before_header - bool(layout.names), "line above the header is", "lines above the header are")
            notes.append(f"{above} not read")
    if main.left_out:
        notes.append(f"of the object only `{main.record}` is read, not {', '.join(f'`{key}`' for key in main.left_out)}")
    if main.sheet is not None:
        notes += _of_sheet(main.sheet)
    if main.encoding is not None and main.encoding.damaged:
        notes.append(f"{main.encoding.damaged:,} sequences of the first megabyte are not {main.encoding.name}: their items are findings")
    return notes


def pattern_notes(read: FilePattern, names: Sequence[str], what: str) -> list[str]:
    """What of a folder or an archive is not read, and what is read though it is of another kind."""
    notes = []
    if left := [name for name in names if not read.matches(name)]:
        endings = sorted({PurePosixPath(name).suffix or PurePosixPath(name).name for name in left})
        listed = ", ".join(endings[:5]) + (" ..." if len(endings) > 5 else "")
        notes.append(f"{counted(len(left), f'file of the {what} is', f'files of the {what} are')} not read ({listed}): only {read.path}")
    if read.wrong:
        listed = ", ".join(read.wrong[:3]) + (" ..." if len(read.wrong) > 3 else "")
        wrong = counted(len(read.wrong), "file of another kind is read too, and fails", "files of another kind are read too, and fail")
        notes.append(f"{wrong}, unless you move it: {listed}")
    return notes


def _of_header(names: Sequence[str], header: bool) -> list[str]:
    if names:
        return [f"the header names a column twice: they are called {_listed(names)}, by place"]
    return [] if header else ["no header was found: the first line is a row of data, columns are numbered; `header: true` says otherwise"]


def _of_sheet(sheet: Sheet) -> list[str]:
    notes = _of_header(sheet.names, sheet.header)
    if sheet.others:
        notes.append(f"the sheet `{sheet.name}` is read, not {_listed(sheet.others)}")
    if sheet.titles:
        above = counted(sheet.titles, "row of the sheet above its header is", "rows of the sheet above its header are")
        notes.append(f"{above} not read")
    return notes


def _listed(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)
