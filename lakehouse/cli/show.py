"""Command `show`: rows of a dataset or a source, and those that were set aside, merged or dropped."""

from __future__ import annotations

import json
from typing import Any

import click
from rich.markup import escape

from lakehouse.cli import terminal
from lakehouse.cli.values import beside, block, exact, first_bytes, readable, show_rows
from lakehouse.core.errors import NotFoundError
from lakehouse.core.project import Project
from lakehouse.core.spec.yamlfile import suggest
from lakehouse.core.text.numbers import counted
from lakehouse.operations.show.choice import Choice
from lakehouse.operations.show.fates import FateShown, Kind, fates
from lakehouse.operations.show.reader import TableReader, reader
from lakehouse.operations.show.rows import Shown, dataset_rows, source_rows

_NAMES = {"_row_id": "row", "_split": "split"}


@click.command("show")
@click.argument("name", metavar="DATASET|SOURCE")
@click.option("--version", "reference", default=None, help="Label or id of the version; default: the newest.")
@click.option("--split", default=None, help="Only rows of this split.")
@click.option("--where", default=None, metavar="SQL", help="Only rows that meet a condition: \"label = 'x' AND length(text) > 20\".")
@click.option("--columns", metavar="A,B", help="Only these columns.")
@click.option("--limit", default=10, show_default=True, type=click.IntRange(min=1), help="At most so many rows.")
@click.option("--sample", "seed", type=int, metavar="SEED", help="A sample by this seed, not the first rows.")
@click.option("--quarantined", "kind", flag_value="quarantined", help="Rows that the recipe or the contract set aside.")
@click.option("--merged", "kind", flag_value="merged", help="Rows that were merged, beside those they were merged into.")
@click.option("--dropped", "kind", flag_value="dropped", help="Rows that the recipe dropped, with the reason.")
@click.option("--findings", is_flag=True, help="Of a source: items that could not be read.")
@click.option("--as", "principal", metavar="WHO", help="Your principal; needed where assets/access.yaml exists.")
@click.option("--for", "purpose", metavar="PURPOSE", help="What for: a purpose of assets/access.yaml.")
@terminal.json_option
def show_command(
    name: str,
    reference: str | None,
    split: str | None,
    where: str | None,
    columns: str | None,
    limit: int,
    seed: int | None,
    kind: Kind | None,
    findings: bool,
    principal: str | None,
    purpose: str | None,
    as_json: bool,
) -> None:
    """Show rows of a dataset or a source.

    Where assets/access.yaml decides who may read, the rows come as `govern read` gives
    them, and the read is in the audit log.

    Example: lakehouse show reviews --split test --where "label = 'negative'" --sample 7
    """
    project = Project.find()
    asked = tuple(columns.split(",")) if columns else None
    choice = Choice(columns=asked, where=where, limit=limit, seed=seed)
    who = reader(project, principal, purpose)
    if name in project.datasets and not (findings and name in project.sources):
        if findings:
            raise click.UsageError("--findings is of a source; of a dataset there is --quarantined")
        if kind is not None:
            if reference or split:
                raise click.UsageError(f"--{kind} shows what the last run decided; it goes with neither --version nor --split")
            _show_fates(name, kind, fates(who, name, kind, choice), as_json=as_json)
        else:
            _show(dataset_rows(who, name, reference, split, choice), as_json=as_json)
        return
    if name not in project.sources:
        known = [*project.datasets, *project.sources]
        raise NotFoundError(f"no dataset or source `{name}`", fix=suggest(name, known) if known else "declare one: lakehouse add FILE")
    if reference or split or kind:
        raise click.UsageError(f"{name} is a source: --version, --split, --quarantined, --merged and --dropped are of a dataset")
    if findings and columns:
        raise click.UsageError("--findings has columns of its own")
    _show_source(who, name, choice, findings=findings, as_json=as_json)


def _show_source(who: TableReader, name: str, choice: Choice, *, findings: bool, as_json: bool) -> None:
    shown = source_rows(who, name, choice, unreadable=findings)
    if as_json or not findings:
        _show(shown, as_json=as_json)
        return
    rows = [
        {
            "row": readable(row["_row_id"]),
            "finding": ", ".join(row["_findings"]),
            "place": readable(row["_uri"]),
            "size": f"{row['_bytes'] or 0:,} bytes",
            "begins": first_bytes(row["_raw"]) if row["_raw"] is not None else "- (kept as a blob, or not kept)",
        }
        for row in shown.rows.iter_rows(named=True)
    ]
    terminal.out.print(f"[bold]{shown.of}[/], items that could not be read")
    show_rows(rows, ["row", "finding", "place", "size", "begins"], head=1)
    _foot(len(rows))


def _show(shown: Shown, *, as_json: bool) -> None:
    if as_json:
        head = {"of": shown.of, "version": shown.version, "left_out": list(shown.left_out)}
        terminal.dump({**head, "rows": [exact(row) for row in shown.rows.to_dicts()]})
        return
    names = [_NAMES.get(column, column) for column in shown.rows.columns]
    rows = [dict(zip(names, map(readable, row), strict=True)) for row in shown.rows.iter_rows()]
    terminal.out.print(f"[bold]{escape(shown.of)}[/]")
    show_rows(rows, names, head=next((at for at, column in enumerate(shown.rows.columns) if column not in _NAMES), 0))
    _foot(len(rows))
    if shown.left_out:
        terminal.out.print(f"  left out, too sensitive for this role: {', '.join(shown.left_out)}")


def _show_fates(dataset: str, kind: Kind, found: list[FateShown], *, as_json: bool) -> None:
    if as_json:
        terminal.dump({"dataset": dataset, "fate": kind, "rows": [exact(vars(each)) for each in found]})
        return
    what = {"quarantined": "rows set aside", "merged": "rows merged into others", "dropped": "rows dropped"}[kind]
    terminal.out.print(f"[bold]{dataset}[/], {what} by the last run")
    for each in found:
        said = _evidence(each) if each.evidence else ""
        # The evidence of an item that could not be read lists all its findings, the rule among them.
        why = f"{each.step}: " + (said if each.rule in said.split(", ") else ", ".join([each.rule, *([said] if said else [])]))
        terminal.out.print(f"\n[bold]{escape(each.row)}[/]", soft_wrap=True)
        block("merged by" if kind == "merged" else "why", readable(why))
        if kind == "merged" or each.other_values is not None:
            name = "merged into" if kind == "merged" else "against"
            block(name, readable(each.other))
            beside({"this row": _values(each.values), name: _values(each.other_values)})
            continue
        for column, value in _values(each.values).items():
            block(column, value)
    _foot(len(found))


def _values(values: dict[str, Any] | None) -> dict[str, str]:
    if values is None:
        return {"values": "not in the source any more"}
    return {
        "begins" if name == "_raw" else name: first_bytes(value) if name == "_raw" else readable(value) for name, value in values.items()
    }


def _evidence(fate: FateShown) -> str:
    """The evidence in words: of a merge the similarity, else the signals."""
    evidence = fate.evidence or ""
    try:
        found = json.loads(evidence)
    except ValueError:
        return evidence
    if isinstance(found, dict):
        return ", ".join(f"{name} {readable(value)}" for name, value in found.items())
    return f"similarity {evidence}" if isinstance(found, float | int) and fate.other else evidence


def _foot(rows: int) -> None:
    terminal.out.print(counted(rows, "row") if rows else "no rows")
