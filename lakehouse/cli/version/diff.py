"""Command `version diff`: which rows differ between two versions, and why."""

from __future__ import annotations

import click

from lakehouse.cli import terminal
from lakehouse.core.project import Project
from lakehouse.operations.history.diff import diff


@click.command("diff")
@click.argument("dataset")
@click.argument("a")
@click.argument("b", default="latest")
@click.option("--rows", "shown", default=10, show_default=True, help="How many differing rows to show.")
@terminal.json_option
def diff_command(dataset: str, a: str, b: str, shown: int, as_json: bool) -> None:
    """Show which rows were added, removed or changed from version A to B, by step and rule.

    It answers for rows, of two versions; `version compare` answers for figures, of
    two or more.

    Example: lakehouse version diff reviews 1.0.0 1.1.0
    """
    project = Project.find()
    project.dataset(dataset)
    found = diff(project, dataset, a, b)
    if as_json:
        terminal.dump(
            {
                "dataset": dataset,
                "a": {"label": found.a.label, "version": found.a.version},
                "b": {"label": found.b.label, "version": found.b.version},
                **{
                    k: getattr(found, k)
                    for k in ("added", "removed", "changed", "moved", "same", "removed_because", "added_because", "rows")
                },
                "plan": list(found.plan),
                "scores": list(found.scores),
            }
        )
        return
    terminal.out.print(f"[bold]{dataset}[/] {found.a.label} ({found.a.version}) -> {found.b.label} ({found.b.version})")
    terminal.out.print(
        f"  {found.added:,} added, {found.removed:,} removed, {found.changed:,} changed, {found.moved:,} moved, {found.same:,} same"
    )
    for sentence in found.plan:
        terminal.out.print(f"  plan: {sentence}")
    for title, reasons in (("Removed because", found.removed_because), ("Added because", found.added_because)):
        if reasons:
            terminal.table(f"\n{title}", ["step: rule", "rows"], reasons.items(), right=["rows"])
    scores = [(s.evaluation, s.on, s.metric, s.a, s.b, s.difference) for s in found.scores if s.metric in ("accuracy", "macro_f1")]
    if scores:
        columns = ["evaluation", "on", "metric", found.a.label, found.b.label, "difference"]
        terminal.table("\nScores", columns, scores, right=columns[3:])
    if shown and found.rows.height:
        rows = found.rows.head(shown).select("row_id", "change", "from_split", "to_split", "reason", "other").iter_rows()
        terminal.table(f"\nFirst {min(shown, found.rows.height)} differing rows", ["row", "change", "from", "to", "reason", "other"], rows)
