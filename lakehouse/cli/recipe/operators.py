"""Command `recipe operators`: operators, connectors, detectors and evaluations, with their parameters."""

from __future__ import annotations

import inspect

import click

from lakehouse.authoring.schema import REGISTRIES, parameters_of
from lakehouse.cli import terminal


@click.command("operators")
@click.argument("name", required=False)
@terminal.json_option
def operators_command(name: str | None, as_json: bool) -> None:
    """List operators, connectors, detectors and evaluations, or explain one.

    Example: lakehouse recipe operators redact
    """
    entries = [(kind, entry) for kind, registry in REGISTRIES.items() for entry in registry.entries().values()]
    if name is not None:
        from lakehouse.core.errors import NotFoundError
        from lakehouse.core.spec.yamlfile import suggest

        # An operator and a detector may share a name: the operator is meant.
        found = {entry.name: (kind, entry) for kind, entry in entries}
        if name not in found:
            raise NotFoundError(f"no operator, connector, detector or evaluation `{name}`", fix=suggest(name, found))
        kind, entry = found[name]
        if as_json:
            terminal.dump({"kind": kind, "name": name, "info": dict(entry.info), "parameters": entry.params.model_json_schema()})
            return
        terminal.out.print(f"[bold]{name}[/] ({kind}{', ' + entry.info['cardinality'] if 'cardinality' in entry.info else ''})\n")
        click.echo(inspect.getdoc(entry.function) or "")
        terminal.out.print()
        rows = [(p.name, p.type, "required" if p.default is None else p.default, p.meaning) for p in parameters_of(entry)]
        terminal.table("Parameters", ["name", "type", "default", "meaning"], rows)
        return
    listed = [(kind, entry.name, entry.info.get("cardinality"), entry.summary) for kind, entry in entries]
    if as_json:
        terminal.dump([dict(zip(("kind", "name", "cardinality", "summary"), row, strict=True)) for row in listed])
        return
    terminal.table("Operators, connectors, detectors, evaluations", ["kind", "name", "cardinality", "what it does"], listed)
