"""Command `recipe schema`: JSON schemas for editors."""

from __future__ import annotations

import json

import click

from lakehouse.authoring.schema import dataset_schema, settings_schema, source_schema
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
    target = Project.find().root / folder
    target.mkdir(parents=True, exist_ok=True)
    written = []
    for name, schema in (("source", source_schema()), ("dataset", dataset_schema()), ("lakehouse", settings_schema())):
        path = target / f"{name}.json"
        path.write_text(json.dumps(schema, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        written.append(str(path))
    if as_json:
        terminal.dump(written)
        return
    for each in written:
        terminal.out.print(each, soft_wrap=True)
