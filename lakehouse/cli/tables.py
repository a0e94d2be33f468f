"""Tables laid out for a width: words are never broken that a line would hold, numbers never.

What fits stands in columns. Where words of all columns together are too wide for a line, the last column goes below its row; where that is
not enough, each row is a block, a line a column.
"""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass

from rich.cells import cell_len

from lakehouse.cli.wrapping import longest_word, wrapped


@dataclass(frozen=True)
class TextPiece:
    """A part of a line; `cell` is the row and the column that it is of, row -1 being the names."""

    text: str
    cell: tuple[int, int]


Line = list[TextPiece]


def lay_out(names: Sequence[str], rows: Sequence[Sequence[str]], width: int, right: Container[int] = ()) -> list[Line]:
    """The lines of a table of at most `width` cells; columns numbered in `right` hold numbers, which stand at the right."""
    whole = [names, *rows]
    if (widths := _widths(whole, width, right)) is not None:
        return [line for at, row in enumerate(whole, -1) for line in _across(row, at, widths, right)]
    last = len(names) - 1
    above = [row[:last] for row in whole]
    if last > 0 and last not in right and (widths := _widths(above, width, right)) is not None:
        lines = _across(names[:last], -1, widths, right)
        for at, row in enumerate(rows):
            lines += _across(row[:last], at, widths, right)
            if row[last].strip("- "):
                lines += _named(names[last], row[last], (at, last), width, "    ")
        return lines
    return [line for at, row in enumerate(rows) for line in _block(names, row, at, width)]


def _widths(rows: Sequence[Sequence[str]], width: int, right: Container[int]) -> list[int] | None:
    """How wide each column is: as its longest line if all have room, else at least as its longest word; None where words have no room."""
    columns = range(len(rows[0]))
    natural = [max(cell_len(line) for row in rows for line in row[at].split("\n")) for at in columns]
    room = width - (len(natural) - 1)
    if sum(natural) <= room:
        return natural
    least = [
        max(max((cell_len(row[at]) if at in right else longest_word(row[at])) for row in rows[1:] or rows), longest_word(rows[0][at]))
        for at in columns
    ]
    left = room - sum(least)
    if left < 0:
        return None
    # What is left goes to the columns that want more, in equal shares; one that wants less leaves the rest to the others.
    wanting = sorted(columns, key=lambda at: natural[at] - least[at])
    for position, at in enumerate(wanting):
        more = min(natural[at] - least[at], left // (len(wanting) - position))
        least[at] += more
        left -= more
    # Room that no line of a column uses goes to one that can use it.
    for at in [*columns, *reversed(wanting)]:
        used = max(cell_len(line) for row in rows for line in wrapped(row[at], min(natural[at], least[at] + left)))
        left, least[at] = left + least[at] - used, used
    return least


def _across(row: Sequence[str], number: int, widths: Sequence[int], right: Container[int]) -> list[Line]:
    """A row in columns: as many lines as its highest cell has."""
    cells = [wrapped(text, width) for text, width in zip(row, widths, strict=True)]
    lines: list[Line] = []
    for height in range(max(map(len, cells), default=0)):
        line: Line = []
        for at, (cell, width) in enumerate(zip(cells, widths, strict=True)):
            text = cell[height] if height < len(cell) else ""
            room = " " * (width - cell_len(text))
            between = " " if at else ""
            line.append(TextPiece(f"{between}{room}{text}" if at in right else f"{between}{text}{room}", (number, at)))
        lines.append(_trimmed(line))
    return lines


def _block(names: Sequence[str], row: Sequence[str], number: int, width: int) -> list[Line]:
    """A row as a block, the first column its head."""
    lines: list[Line] = [[TextPiece(text, (number, 0))] for text in wrapped(row[0], width)]
    for at in range(1, len(names)):
        lines += _named(names[at], row[at], (number, at), width, "  ")
    return lines


def _named(name: str, text: str, cell: tuple[int, int], width: int, indent: str) -> list[Line]:
    """`name: text`, further lines indented more, as far as the longest word leaves room for it."""
    said = f"{name}: {text}" if name else text
    spare = max(0, width - longest_word(said))
    first, further = indent[:spare], f"{indent}  "[:spare]
    lines = wrapped(said, width - len(further))
    return [[TextPiece(f"{further if at else first}{line}", cell)] for at, line in enumerate(lines)]


def _trimmed(line: Line) -> Line:
    """The line without space at its end."""
    while line and not line[-1].text.strip():
        line = line[:-1]
    return [*line[:-1], TextPiece(line[-1].text.rstrip(), line[-1].cell)] if line else line
