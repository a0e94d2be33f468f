"""Command `recipe tune`: what another threshold would do."""

from __future__ import annotations

from typing import Any

import click
import yaml

from lakehouse.cli import terminal
from lakehouse.core.project import Project
from lakehouse.production.inspection.tune import tune


def _changes(given: tuple[str, ...]) -> dict[str, dict[str, Any]]:
    changes: dict[str, dict[str, Any]] = {}
    for text in given:
        name, equals, value = text.partition("=")
        step, dot, param = name.partition(".")
        if not (equals and dot and step and param):
            raise click.UsageError(f"`{text}`: write STEP.PARAMETER=VALUE, such as text_length.at_least=10")
        changes.setdefault(step, {})[param] = yaml.safe_load(value)
    return changes


@click.command("tune")
@click.argument("dataset")
@click.argument("thresholds", nargs=-1, required=True, metavar="STEP.PARAMETER=VALUE...")
@click.option("--samples", default=5, show_default=True, help="Rows to show of each side.")
@terminal.json_option
def tune_command(dataset: str, thresholds: tuple[str, ...], samples: int, as_json: bool) -> None:
    """Show how many rows another threshold would make change sides, with samples. Nothing is written.

    Example: lakehouse recipe tune reviews text_length.at_least=10
    """
    found = tune(Project.find(), dataset, _changes(thresholds), samples)
    if as_json:
        names = ("dataset", "rows", "rows_then", "leave", "come_back", "changed", "samples")
        terminal.dump({**{n: getattr(found, n) for n in names}, "balance": [b.as_json() for b in found.balance]})
        return
    terminal.balance(f"Balance of {dataset} with {' '.join(thresholds)}", found.balance)
    terminal.out.print(
        f"silver/{dataset}: {found.rows:,} rows now, {found.rows_then:,} then: {found.leave:,} would leave, {found.come_back:,} come back"
    )
    if found.changed:
        terminal.out.print(f"{found.changed:,} rows would stay with more or less cut out of them")
    if found.samples.height:
        columns = ["", "row", "step", "rule", "evidence", "text"]
        terminal.table("\nSamples", columns, found.samples.iter_rows())
