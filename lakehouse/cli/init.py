"""Command `init`: a new factory folder."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click
from rich.markup import escape

from lakehouse.cli import first_contact, terminal


@click.command("init")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--data", default=None, help="Your own file, folder, address (http) or database; what `lakehouse add` takes.")
@first_contact.options
@terminal.json_option
def init_command(
    folder: Path, data: str | None, name: str | None, label: str | None, text: str | None, table: str | None, as_json: bool
) -> None:
    """Make a new factory: workspace, git, DVC, and a first dataset from your material or a sample.

    Example: lakehouse init my-factory --data tickets.csv --label topic
    """
    from lakehouse.authoring.factory_folder import make_factory

    made = make_factory(folder, data, name=name, text=text, label=label, table=table, ask=None if as_json else first_contact.ask())
    if as_json:
        terminal.dump({"root": str(made.root), **asdict(made.added), "notes": made.notes})
        return
    terminal.out.print(f"[bold]{escape(str(made.root))}[/] is a data factory now.", soft_wrap=True)
    first_contact.show(made.added)
    for note in made.notes[len(made.added.notes) :]:
        terminal.out.print(f"[yellow]note[/] {escape(note)}")
    terminal.out.print(f"\nNext: cd {folder}\n      lakehouse run && lakehouse release {made.added.dataset}", soft_wrap=True)
