"""Command `govern standards`: the standard fields, and who uses them."""

from __future__ import annotations

import click
from rich.markup import escape

from lakehouse.cli import terminal
from lakehouse.core.project import Project
from lakehouse.core.sensitivity import WORDS
from lakehouse.core.spec import standards
from lakehouse.production.column_sensitivity import uses


@click.command("standards")
@terminal.json_option
def standards_command(as_json: bool) -> None:
    """List the fields of assets/standards, and the columns that are one.

    Example: lakehouse govern standards
    """
    project = Project.find()
    known = standards.load(project.root)
    used = uses(project)
    if as_json:
        terminal.dump(
            [{"name": d.name, "standard": d.standard, **d.field.model_dump(), "used_by": used.get(d.name, [])} for d in known.values()]
        )
        return
    for d in known.values():
        f = d.field
        kind = f.type + (f" in {f.unit}" if f.unit else "") + (f", one of {', '.join(f.codes)}" if f.codes else "")
        kind += f", matches {f.pattern}" if f.pattern else ""
        words = f"{kind}; {f.sensitivity} {WORDS[f.sensitivity]}" + (f"; {f.category}" if f.category else "")
        terminal.out.print(f"[bold]{d.name}[/] {escape(f.meaning)} {escape(f.meaning_zh)}", soft_wrap=True)
        terminal.out.print(f"  {escape(words)}; used by {', '.join(used.get(d.name, [])) or 'no column'}", soft_wrap=True)
