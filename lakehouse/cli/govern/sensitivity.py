"""Command `govern sensitivity`: how sensitive every column is, and why."""

from __future__ import annotations

import click

from lakehouse.cli import terminal
from lakehouse.core.errors import NotFoundError
from lakehouse.core.project import Project
from lakehouse.core.sensitivity import WORDS, levels_of_source
from lakehouse.core.spec.yamlfile import suggest
from lakehouse.production.column_sensitivity import levels_of_dataset


@click.command("sensitivity")
@click.argument("names", nargs=-1)
@terminal.json_option
def sensitivity_command(names: tuple[str, ...], as_json: bool) -> None:
    """Show how sensitive the columns of sources and datasets are, and why; all of them unless named.

    Example: lakehouse govern sensitivity reviews
    """
    project = Project.find()
    known = {**{f"bronze/{s}": s for s in project.sources}, **{f"gold/{d}": d for d in project.datasets}}
    for name in names:
        if name not in {*known, *known.values()}:
            raise NotFoundError(f"no source or dataset `{name}`", fix=suggest(name, known.values()))
    found = {
        table: levels_of_source(project, name) if table.startswith("bronze/") else levels_of_dataset(project, name)
        for table, name in known.items()
        if not names or table in names or name in names
    }
    if as_json:
        terminal.dump({table: {column: level.as_json() for column, level in levels.items()} for table, levels in found.items()})
        return
    rows = [
        (f"{table}.{column}", f"{level.level} {WORDS[level.level]}", level.because)
        for table, levels in found.items()
        for column, level in levels.items()
    ]
    terminal.table("Sensitivity", ["column", "level", "why"], rows)
