"""Command `version compare`: versions side by side."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
from rich.markup import escape

from lakehouse.cli import terminal
from lakehouse.core.project import Project
from lakehouse.operations.maintenance.compare import VersionComparison, compare
from lakehouse.operations.maintenance.pictures import compare_picture

PICTURE = click.Path(dir_okay=False, writable=True, path_type=Path)


@click.command("compare")
@click.argument("dataset")
@click.argument("references", nargs=-1, required=True, metavar="V1 V2 [V3...]")
@click.option("--picture", type=PICTURE, help="Write rows and scores as a PNG to this file.")
@terminal.json_option
def compare_command(dataset: str, references: tuple[str, ...], picture: Path | None, as_json: bool) -> None:
    """Put the figures of versions side by side: rows, balance, signals, scores, findings, slices, grade, and what changed in the plan.

    It answers whether a version is better, with intervals; `version diff` answers
    which rows differ.

    Example: lakehouse version compare reviews 1.0.0 1.1.0
    """
    if len(references) < 2:
        raise click.UsageError("name two versions or more")
    project = Project.find()
    project.dataset(dataset)
    found = compare(project, dataset, references)
    if picture is not None:
        totals = [sum(side.rows.values()) for side in found.sides]
        scores = [(f"{s.metric} on {s.on}", s.values) for s in found.scores]
        picture.write_bytes(compare_picture([side.label for side in found.sides], totals, scores, f"{dataset}, side by side"))
    if as_json:
        terminal.dump(found)
        return
    labels = [side.label for side in found.sides]
    terminal.table(f"{dataset}", ["", *labels], _facts(found), right=labels)
    for change in found.changes:
        what = ", ".join(f"{n:,} {kind}" for kind, n in change.rows.items())
        terminal.out.print(f"\n[bold]{change.a} -> {change.to}[/] {what}")
        for sentence in change.plan:
            terminal.out.print(f"  plan: {escape(sentence)}")
        for why, n in change.because.items():
            terminal.out.print(f"  {n:,} {escape(why)}")
    rows = [(f"{s.evaluation} {s.on} {s.metric}", *s.values, *(_interval(each) for each in s.differences)) for s in found.scores]
    if rows:
        against = [f"{label} - {labels[0]} (95 %)" for label in labels[1:]]
        terminal.table("\nScores", ["score", *labels, *against], rows, right=labels)
    for title, slices in (("appeared", found.appeared), ("gone", found.gone)):
        for label, name in slices:
            terminal.out.print(f"slice {title} in {label}: {escape(name)}")


def _facts(found: VersionComparison) -> list[tuple[object, ...]]:
    def line(title: str, values: list[object]) -> list[tuple[object, ...]]:
        return [(title, *values)] if any(value is not None for value in values) else []

    sides = found.sides
    rows = [("version", *(side.version for side in sides)), *line("stands", [side.became or None for side in sides])]
    rows += line("grade", [side.grade for side in sides])
    for split in dict.fromkeys(split for side in sides for split in side.rows):
        rows += line(f"rows, {split}", [side.rows.get(split, 0) for side in sides])
    for step in dict.fromkeys(step for side in sides for step in side.balance):
        rows += line(f"out of {step}", [side.balance.get(step) for side in sides])
    for signal in dict.fromkeys(signal for side in sides for signal in side.signals):
        known = [side.signals.get(signal) for side in sides]
        rows += line(f"{signal}, median, p95", [f"{each[0]:.4g}, {each[1]:.4g}" if each else None for each in known])
    for kind in dict.fromkeys(kind for side in sides for kind in side.findings or ()):
        rows += line(f"findings, {kind}", [side.findings[kind] if side.findings else None for side in sides])
    return rows


def _interval(found: Mapping[str, Any] | None) -> str:
    return "-" if found is None else f"{found['value']:+.4f} ({found['low']:+.4f} to {found['high']:+.4f}) {found['verdict']}"
