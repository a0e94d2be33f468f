"""What `init` and `add` have in common: their options, their questions, and how what they chose is shown."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import click
from rich.markup import escape

from lakehouse.authoring.add import Added, Ask
from lakehouse.authoring.dataset_file import LICENSE as RELEASE
from lakehouse.authoring.source_file import LICENSE as MATERIAL
from lakehouse.cli import terminal

F = TypeVar("F", bound=Callable[..., Any])


def options(function: F) -> F:
    """The options that say what the material is where a look at it does not."""
    for option in (
        click.option("--table", default=None, help="The table, of a database."),
        click.option("--text", default=None, help="The column that holds the text; default: the longest that is mostly distinct."),
        click.option("--label", default=None, help="The column that is to be predicted; default: the one named like a label."),
        click.option("--name", default=None, help="Name of the dataset; default: that of the material."),
    ):
        function = option(function)
    return function


def show(added: Added) -> None:
    """What was chosen for each column, and why; what was written; what the user should know."""
    terminal.out.print(f"[bold]{added.dataset}[/] is of the kind [bold]{added.kind}[/]:")
    rows = [(c.column, c.type, c.role, c.why) for c in added.columns]
    terminal.table("", ["column", "type", "role", "why"], rows)
    for note in added.notes:
        terminal.out.print(f"[yellow]note[/] {escape(note)}")
    for question in added.questions:
        terminal.out.print(f"[yellow]open[/] {escape(question)}")
    terminal.out.print(
        f"[yellow]open[/] under which licence? `{MATERIAL}` was written for the material (`license` of {added.source}) and `{RELEASE}` for "
        f"releases (`release.license` of {added.dataset}): which it is, is yours to decide"
    )
    terminal.out.print("Yours to read and change:")
    for file in added.files:
        terminal.out.print(f"  {file}")


def ask() -> Ask | None:
    """Asks the person at the terminal; None where there is none."""
    return _label if sys.stdin.isatty() and sys.stdout.isatty() else None


def _label(columns: Sequence[str], guessed: str | None) -> str | None:
    none = "-"
    answer = click.prompt(
        f"Which column is to be predicted ({none}: none)?", type=click.Choice([*columns, none]), default=guessed or none, show_choices=True
    )
    return None if answer == none else str(answer)
