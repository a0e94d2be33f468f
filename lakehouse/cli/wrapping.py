"""Text fitted into columns of a terminal: broken at words, or cut with an ellipsis. Widths are cells: a Han character takes two."""

from __future__ import annotations

import re
from collections.abc import Iterator

from rich.cells import cell_len, chop_cells

_UNITS = re.compile(
    r"\s+|[\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef]|[^\s\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef]+"
)
"""Space, a character of a script without spaces, or a word."""
_JOINTS = re.compile(r"(?<=[/:,;_=#&?-])(?=\w)|(?<=\w)(?=[(\[{])")
"""Where a word that is longer than a line is broken, if it can be."""


def cut(text: str, width: int) -> str:
    """The text in at most `width` cells, with an ellipsis where something of it is left out."""
    if len(text) <= width and cell_len(text) <= width:
        return text
    return (chop_cells(text[: width + 1], max(width - 1, 1))[0] if width > 1 else "") + "…"


def wrapped(text: str, width: int) -> list[str]:
    """The text in lines of at most `width` cells. A word is broken only where no line would hold it."""
    lines: list[str] = []
    for given in text.split("\n"):
        line, used, space = "", 0, ""
        for unit in _pieces(given, width):
            if unit.isspace():
                space = " " if line else ""
                continue
            size = cell_len(unit)
            if line and used + len(space) + size > width:
                lines.append(line)
                line, used, space = "", 0, ""
            line, used, space = line + space + unit, used + len(space) + size, ""
        lines.append(line)
    return lines


def longest_word(text: str) -> int:
    """Cells of the longest piece that a line should hold whole."""
    return max((cell_len(unit) for unit in _UNITS.findall(text)), default=0)


def _pieces(text: str, width: int) -> Iterator[str]:
    """Words, spaces and characters; words that no line holds in parts."""
    for unit in _UNITS.findall(text):
        if unit.isspace() or cell_len(unit) <= width:
            yield unit
            continue
        for part in _JOINTS.split(unit):
            yield from [part] if cell_len(part) <= width else chop_cells(part, width)
