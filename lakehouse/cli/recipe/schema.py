"""Command `recipe schema`: JSON schemas for editors."""

from __future__ import annotations

import click

from lakehouse.authoring.schema import write_schemas
from lakehouse.cli import terminal
from lakehouse.core.project import Project


@click.command("schema")
@click.option("--out", "folder", default=".lakehouse/schema", show_default=True, help="Folder for the files, below the project.")
@terminal.json_option
def schema_command(folder: str, as_json: bool) -> None:
    """Write JSON schemas of source and dataset files and of lakehouse.yaml for editors, operators and their parameters included.

    Then in VS Code: "yaml.schemas": {".lakehouse/schema/dataset.json": "assets/datasets/*.yaml"}

    Example: lakehouse recipe schema
    """
    written = [str(file) for file in write_schemas(Project.find().root / folder)]
    if as_json:
        terminal.dump(written)
        return
    for each in written:
        terminal.out.print(each, soft_wrap=True)
