"""How results look on a terminal: tables that fit it, progress on standard error, and the same as JSON for machines."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, is_dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

import click
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.text import Text

from lakehouse.cli.tables import lay_out
from lakehouse.core.runs.progress import Progress as Report
from lakehouse.core.text.visible import json_safe, visible
from lakehouse.production.engine.balance import Balance

F = TypeVar("F", bound=Callable[..., Any])


class _Safe(Console):
    """A console on which a text that comes from data does nothing: controls are shown as marks, `:name:` stays as it is.

    A sentence that is longer than a line goes on two cells to the right of where it began, unless it is printed with `soft_wrap`.
    """

    def render_str(self, text: str, **options: Any) -> Text:
        return super().render_str(visible(text), **options)

    def print(self, *objects: Any, soft_wrap: bool | None = None, style: Any = None, **options: Any) -> None:
        if soft_wrap or len(objects) != 1 or not isinstance(objects[0], str) or options:
            super().print(*objects, soft_wrap=soft_wrap, style=style, **options)
            return
        for line in self.render_str(objects[0]).split("\n", allow_blank=True) or [Text()]:
            for piece in _hanging(self, line):
                super().print(piece, soft_wrap=True, style=style)


def _hanging(console: Console, line: Text) -> list[Text]:
    """The line in pieces that fit, those after the first two cells farther to the right."""
    indent = len(line.plain) - len(line.plain.lstrip(" "))
    further = indent + 2
    if line.cell_len <= console.width or further >= console.width // 2:
        return [line]
    pieces = line[indent:].wrap(console, console.width - further)
    for piece in pieces:
        piece.rstrip()
    return [Text(" " * (further if at else indent)) + piece for at, piece in enumerate(pieces)]


out = _Safe(highlight=False, emoji=False)
err = _Safe(stderr=True, highlight=False, emoji=False)


def complain(error: object) -> None:
    """Name an error on standard error. At a terminal its lines keep their indent; a log has them whole."""
    if err.is_terminal:
        err.print(escape(f"error: {error}"), style="red")
    else:
        click.secho(visible(f"error: {error}"), fg="red", err=True)


def json_option(function: F) -> F:
    """The option `--json`, as `as_json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON for machines.")(function)


def dump(value: object) -> None:
    """Print a result as JSON."""
    click.echo(json_safe(json.dumps(value, default=_plain, ensure_ascii=False, indent=2)))


def _plain(value: object) -> object:
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, frozenset | set):
        return sorted(value)
    if isinstance(value, Path | Decimal | timedelta):
        return str(value)
    if hasattr(value, "model_dump"):
        return value.model_dump(exclude_defaults=True)
    if hasattr(value, "to_dicts"):
        return value.to_dicts()
    raise TypeError(type(value).__name__)


@contextmanager
def progress(*, quiet: bool) -> Iterator[Report]:
    """Show on standard error how far long work is; nothing where output is for machines."""
    if quiet or not err.is_terminal:
        last: list[str] = []

        def line(what: str, done: int, total: int | None) -> None:
            if not quiet and last != [what]:
                last[:] = [what]
                err.print(f"  {what}", style="dim")

        yield line
        return
    bar = Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=err,
        transient=True,
    )
    with bar:
        task = bar.add_task("starting", total=None)

        def report(what: str, done: int, total: int | None) -> None:
            bar.update(task, description=what, completed=done, total=total)

        yield report


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]], *, right: Sequence[str] = ()) -> None:
    """Print a table; the columns in `right` are numbers. Cells are plain text without markup; one that is a rich `Text` keeps its style."""
    given = [list(row) for row in rows]
    numbers = {at for at, column in enumerate(columns) if column in right}
    written = [[_cell(value, [row[at] for row in given]) for at, value in enumerate(row)] for row in given]
    if title:
        out.print(Text(visible(title), style="bold"))
    for line in lay_out(columns, written, out.width, numbers):
        printed = Text()
        for piece in line:
            at, column = piece.cell
            value = given[at][column] if at >= 0 else None
            printed.append(piece.text, "bold" if at < 0 else value.style if isinstance(value, Text) else None)
        out.print(printed, soft_wrap=True)


def _cell(value: object, column: Sequence[object]) -> str:
    """A value for people, rounded as its column needs it."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return _rounded(value, max(abs(each) for each in column if isinstance(each, float) and each == each) if value == value else 0)
    return visible(value.plain if isinstance(value, Text) else str(value))


def _rounded(value: float, most: float) -> str:
    """Four digits after the point for shares and scores, fewer for columns of larger numbers."""
    if 0 < abs(value) < 0.00005:
        return f"{value:.1e}"
    return f"{value:,.{4 if most <= 1 else 2 if most < 100 else 1 if most < 1000 else 0}f}"


def balance(title: str, steps: Sequence[Balance]) -> None:
    """Print the material balance: where every row went."""
    columns = ["step", "in", "created", "out", "merged", "dropped", "set aside", "why"]
    rows = []
    for b in steps:
        why = ", ".join(f"{rule} {n:,}" for rule, n in b.reasons.items()) or (f"changed {b.changed:,}" if b.changed else "")
        rows.append((b.step, b.entered, b.created, b.out, b.merged, b.dropped, b.quarantined, why))
    table(title, columns, rows, right=columns[1:7])
    first, last = steps[0], steps[-1]
    created, merged, dropped, quarantined = (sum(getattr(b, k) for b in steps) for k in ("created", "merged", "dropped", "quarantined"))
    holds = first.entered + created == last.out + merged + dropped + quarantined
    out.print(
        f"{first.entered:,} in + {created:,} created = {last.out:,} out + {merged:,} merged + {dropped:,} dropped + "
        f"{quarantined:,} quarantined: {'[green]holds[/]' if holds else '[red]does not hold[/]'}"
    )
