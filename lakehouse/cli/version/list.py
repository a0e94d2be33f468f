"""Command `version list`: the versions of a dataset."""

from __future__ import annotations

import click
from rich.markup import escape

from lakehouse.cli import terminal
from lakehouse.core import versions
from lakehouse.core.errors import NotFoundError
from lakehouse.core.project import Project
from lakehouse.core.text.numbers import counted
from lakehouse.core.versions import Version


@click.command("list")
@click.argument("dataset")
@terminal.json_option
def list_command(dataset: str, as_json: bool) -> None:
    """List the versions of a dataset with what changed, their scores and gates.

    Example: lakehouse version list reviews
    """
    project = Project.find()
    project.dataset(dataset)
    found = versions.versions(project, dataset)
    if as_json:
        terminal.dump(found)
        return
    if not found:
        raise NotFoundError(f"{dataset} has no version yet", fix=f"lakehouse run {dataset}")
    rows: list[tuple[object, ...]] = []
    for v in found:
        held_out = [e["metrics"].get("held_out", {}) for e in v.evaluations.values()]
        scores = [found["macro_f1"]["mean"] for found in held_out if "macro_f1" in found]
        gates = {None: "-", True: "passed", False: "failed"}[v.passed]
        reasons = "; ".join(v.manifest["change"]["reasons"])
        rows.append(
            (
                v.label,
                v.version,
                sum(v.held_rows.values()),
                scores[0] if scores else None,
                gates,
                f"{v.grade}, lowered" if v.downgraded else v.grade,
                _state(v),
                reasons,
            )
        )
    columns = ["label", "version", "rows", "held-out F1", "gates", "grade", "released", "what changed"]
    terminal.table(f"Versions of {dataset}", columns, rows, right=["rows", "held-out F1"])
    for v in found:
        if v.downgraded:
            terminal.out.print(
                f"  {v.label} lowered to {v.grade} by {v.downgraded['by']}: {escape(v.downgraded['reason'])}", soft_wrap=True
            )
        if v.retired:
            terminal.out.print(f"  {v.label} retired by {v.retired['by']}: {escape(v.retirement or '')}", soft_wrap=True)
        if v.archived:
            terminal.out.print(f"  {v.label} archived in {v.archived['place']}", soft_wrap=True)
        if v.erased:
            terminal.out.print(f"  {v.label} lost {counted(v.erased['rows'], 'row')} erased after it was sealed", soft_wrap=True)


def _state(version: Version) -> str:
    """Whether a version was released, and what became of it."""
    states = (("yes", version.released), ("retired", version.retired), ("archived", version.archived), ("erased rows", version.erased))
    return ", ".join(word for word, holds in states if holds) or "-"
