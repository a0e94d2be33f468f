"""Command `add`: a dataset from a file, a folder, an address or a database."""

from __future__ import annotations

import click

from lakehouse.cli import first_contact, terminal
from lakehouse.core.project import Project


@click.command("add")
@click.argument("material")
@first_contact.options
@terminal.json_option
def add_command(material: str, name: str | None, label: str | None, text: str | None, table: str | None, as_json: bool) -> None:
    """Add a dataset: look at the material, choose types and roles, write its source, contract and recipe.

    The material is a file (CSV, JSON, Parquet, Excel, XML, ...), a folder of documents, pictures, sounds or tables, an address
    (https://...), a database (postgresql://..., a SQLite file) or a Delta table.

    Example: lakehouse add ~/orders.xlsx --label returned
    """
    from lakehouse.authoring.add import add

    made = add(Project.find(), material, name=name, text=text, label=label, table=table, ask=None if as_json else first_contact.ask())
    if as_json:
        terminal.dump(made)
        return
    first_contact.show(made)
    terminal.out.print(f"\nNext: lakehouse run {made.dataset} && lakehouse release {made.dataset}", soft_wrap=True)
    terminal.out.print(f"To have it in a clone: git add {' '.join(made.files)} && git commit -m 'Add {made.dataset}'", soft_wrap=True)
