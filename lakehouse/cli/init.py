"""Command `init`: a new factory folder."""

from __future__ import annotations

from pathlib import Path

import click

from lakehouse.cli import terminal


@click.command("init")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--data", type=click.Path(path_type=Path), default=None, help="Your own CSV, JSON lines or Parquet file (.gz, .zst too).")
@click.option("--name", default=None, help="Name of the first dataset; default: that of the file.")
@click.option("--label", default=None, help="The column that holds the label, if there is one; a pilot evaluation is declared for it.")
@click.option("--text", default=None, help="The column that holds the text; default: the text column with the longest values.")
@terminal.json_option
def init_command(folder: Path, data: Path | None, name: str | None, label: str | None, text: str | None, as_json: bool) -> None:
    """Make a new factory: workspace, git, DVC, and a first source, dataset and contract written from your file or a sample.

    Example: lakehouse init my-factory --data tickets.csv --label topic
    """
    from lakehouse.authoring.scaffold import scaffold

    made = scaffold(folder, data=data, name=name, text=text, label=label)
    if as_json:
        terminal.dump(made)
        return
    terminal.out.print(f"[bold]{made.root}[/] is a data factory now:")
    for file in made.files:
        terminal.out.print(f"  {file}")
    for note in made.notes:
        terminal.out.print(f"  [yellow]note[/] {note}")
    terminal.out.print(f"\nNext: cd {folder}\n      lakehouse check && lakehouse run && lakehouse release {made.dataset}")
