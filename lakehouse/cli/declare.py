"""Commands about declarations: check, schema, operators."""

from __future__ import annotations

import inspect
import json

import click

from lakehouse.authoring.schema import REGISTRIES, dataset_schema, parameters_of, settings_schema, source_schema
from lakehouse.cli import show
from lakehouse.core.project import Project
from lakehouse.operations.line import check


@click.command("check")
@show.json_option
def check_command(as_json: bool) -> None:
    """Validate every declaration and contract; each mistake is named with file, line and what was meant.

    Example: lakehouse check
    """
    project = Project.find()
    problems = check(project)
    if as_json:
        show.dump([{"kind": type(p).__name__, "where": p.where, "what": p.what, "fix": p.fix} for p in problems])
    else:
        for problem in problems:
            click.secho(f"error: {problem}", fg="red", err=True)
        if not problems:
            show.out.print(f"{len(project.sources)} sources and {len(project.datasets)} datasets: all in order")
    if problems:
        raise click.exceptions.Exit(2)


@click.command("schema")
@click.option("--out", "folder", default=".lakehouse/authoring/schema", show_default=True, help="Folder for the files, below the project.")
def schema_command(folder: str) -> None:
    """Write JSON schemas of source and dataset files and of lakehouse.yaml for editors, operators and their parameters included.

    Example: lakehouse schema, then in VS Code: "yaml.schemas": {".lakehouse/authoring/schema/dataset.json": "assets/datasets/*.yaml"}
    """
    target = Project.find().root / folder
    target.mkdir(parents=True, exist_ok=True)
    for name, schema in (("source", source_schema()), ("dataset", dataset_schema()), ("lakehouse", settings_schema())):
        path = target / f"{name}.json"
        path.write_text(json.dumps(schema, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        show.out.print(str(path))


@click.command("operators")
@click.argument("name", required=False)
@show.json_option
def operators_command(name: str | None, as_json: bool) -> None:
    """List operators, connectors, detectors and evaluations, or explain one.

    Example: lakehouse operators redact
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
            show.dump({"kind": kind, "name": name, "info": dict(entry.info), "parameters": entry.params.model_json_schema()})
            return
        show.out.print(f"[bold]{name}[/] ({kind}{', ' + entry.info['cardinality'] if 'cardinality' in entry.info else ''})\n")
        click.echo(inspect.getdoc(entry.function) or "")
        show.out.print()
        rows = [(p.name, p.type, "required" if p.default is None else p.default, p.meaning) for p in parameters_of(entry)]
        show.table("Parameters", ["name", "type", "default", "meaning"], rows)
        return
    listed = [(kind, entry.name, entry.info.get("cardinality"), entry.summary) for kind, entry in entries]
    if as_json:
        show.dump([dict(zip(("kind", "name", "cardinality", "summary"), row, strict=True)) for row in listed])
        return
    show.table("Operators, connectors, detectors, evaluations", ["kind", "name", "cardinality", "what it does"], listed)
