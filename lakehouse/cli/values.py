"""Rows of data for people: in a table where they fit, else a block a row; values cut to fit. And the same exactly, for JSON."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from rich.cells import cell_len
from rich.markup import escape

from lakehouse.cli import terminal
from lakehouse.cli.wrapping import cut, wrapped
from lakehouse.core.text.visible import in_line

_CUT_AT_LEAST = 24
"""Cells that a value which is cut in a table keeps; with less room the rows are blocks."""
_LINES = 4
"""Of a value in a block."""
_READ = 4000
"""Characters of a value that are looked at; no terminal shows more of it in its lines."""


def readable(value: object) -> str:
    """A value in one line for people: bytes by their number, lists and structs as JSON, no control characters."""
    if value is None:
        return "-"
    if isinstance(value, str):
        return in_line(value[:_READ])
    if isinstance(value, bytes):
        return f"<{len(value):,} bytes>"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, datetime):
        return value.isoformat(" ")
    if isinstance(value, list | dict):
        return in_line(json.dumps(value, default=readable, ensure_ascii=False)[:_READ])
    return str(value)


def exact(value: Any) -> Any:
    """A value for JSON: bytes as base64, times as ISO 8601, decimals as text, numbers that JSON has not by their names."""
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, Mapping):
        return {name: exact(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [exact(inner) for inner in value]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return value.isoformat() if isinstance(value, date) else str(value)


def first_bytes(value: bytes) -> str:
    """How bytes that are no text begin, as text where they are."""
    return in_line(value.decode("utf-8", "backslashreplace"))


def show_rows(rows: Sequence[Mapping[str, str]], names: Sequence[str], head: int) -> None:
    """Print rows of values that are readable.

    Args:
        head: so many of the first columns are the head of a block.
    """
    if not rows:
        return
    if (widths := _widths(rows, names, terminal.out.width)) is not None:
        terminal.table("", names, [[cut(row[name], widths[name]) for name in names] for row in rows])
        return
    for at, row in enumerate(rows):
        terminal.out.print(("\n" if at else "") + f"[bold]{escape('  '.join(row[name] for name in names[:head]))}[/]", soft_wrap=True)
        for name in names[head:]:
            block(name, row[name])


def block(name: str, value: str, indent: str = "  ") -> None:
    """Print `name: value` in some lines."""
    width = max(20, terminal.out.width - len(indent) - 2)
    lines = wrapped(f"{name}: {value[: _LINES * width]}", width)
    if len(lines) > _LINES or len(value) > _LINES * width:
        lines = [*lines[: _LINES - 1], cut(" ".join(lines[_LINES - 1 :])[: width - 1] + " " * width, width)]
    for number, line in enumerate(lines):
        terminal.out.print(escape(f"{indent}{'  ' if number else ''}{line}"), soft_wrap=True)


def beside(sides: Mapping[str, Mapping[str, str]]) -> None:
    """Print the values of rows side by side, a column a row, a line a value."""
    names = list(dict.fromkeys(name for values in sides.values() for name in values))
    room = max(_CUT_AT_LEAST, (terminal.out.width - max(map(cell_len, names), default=0) - len(sides)) // len(sides))
    rows = []
    for name in names:
        cells = []
        for values in sides.values():
            lines = wrapped(values.get(name, "-")[: _LINES * room], room)
            left_out = len(lines) > _LINES or len(values.get(name, "")) > _LINES * room
            cells.append(
                "\n".join([*lines[: _LINES - 1], cut(lines[_LINES - 1] + " " * room, room)] if left_out and len(lines) >= _LINES else lines)
            )
        rows.append((name, *cells))
    terminal.table("", ["", *sides], rows)


def _widths(rows: Sequence[Mapping[str, str]], names: Sequence[str], width: int) -> dict[str, int] | None:
    """How wide each column of a table of these rows is, values that are long being cut; None where they have no room."""
    natural = {name: max(cell_len(name), *(cell_len(row[name]) for row in rows)) for name in names}
    left = width - (len(names) - 1)
    long = [name for name in names if natural[name] > _CUT_AT_LEAST and name not in ("row", "split")]
    left -= sum(natural[name] for name in names if name not in long)
    for at, name in enumerate(sorted(long, key=natural.__getitem__)):
        share = left // (len(long) - at)
        if share < _CUT_AT_LEAST:
            return None
        natural[name] = min(natural[name], share)
        left -= natural[name]
    return natural if left >= 0 else None
