"""Commands of maintenance: grade, compare."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
from rich.markup import escape

from lakehouse.cli import show
from lakehouse.core.project import Project
from lakehouse.operations.maintenance.compare import Compared, compare
from lakehouse.operations.maintenance.grade import grade
from lakehouse.operations.maintenance.pictures import compare_picture, grade_picture

PICTURE = click.Path(dir_okay=False, writable=True, path_type=Path)


@click.command("grade")
@click.argument("dataset")
@click.option("--version", "reference", default="latest", show_default=True, help="Label or id of the version.")
@click.option("--picture", type=PICTURE, help="Write the indicators as a PNG to this file.")
@show.json_option
def grade_command(dataset: str, reference: str, picture: Path | None, as_json: bool) -> None:
    """Grade a version, A to D, by eleven measured indicators, and record it.

    Example: lakehouse grade reviews --picture grade.png
    """
    project = Project.find()
    project.dataset(dataset)
    with show.progress(quiet=as_json) as report:
        done = grade(project, dataset, reference, progress=report)
    if picture is not None:
        picture.write_bytes(grade_picture(done.as_json()["indicators"], f"{dataset} {done.label}: grade {done.grade} ({done.rule})"))
    if as_json:
        show.dump({"dataset": dataset, "version": done.version, "label": done.label, **done.as_json(), "unchanged": done.unchanged})
        return
    show.out.print(f"[bold]{dataset}[/] {done.label} ({done.version}): grade [bold]{done.grade}[/] by {done.rule}")
    for sentence in done.because:
        show.out.print(f"  {escape(sentence)}")
    rows: list[tuple[object, ...]] = []
    for m in done.marked:
        i = m.indicator
        found = f"{_number(i.numerator)} of {_number(i.denominator)}" if i.numerator is not None else "-"
        interval = f"{i.low:.4f} to {i.high:.4f}" if i.low is not None else "-"
        rows.append((i.name + (" *" if m.essential else ""), m.grade, i.value, interval, found))
    show.table("Indicators (* essential)", ["indicator", "grade", "value", "95 % interval", "counted"], rows, right=["value", "counted"])
    screened = ", ".join(f"{kind} {'not measured' if value is None else f'{value:.4f}'}" for kind, value in done.screen.items())
    show.out.print(f"Screening: {screened}")
    for m in done.marked:
        show.out.print(f"  [dim]{m.indicator.name}: {escape(m.indicator.how)}[/]")


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:.4f}"


@click.command("compare")
@click.argument("dataset")
@click.argument("references", nargs=-1, required=True, metavar="V1 V2 [V3...]")
@click.option("--picture", type=PICTURE, help="Write rows and scores as a PNG to this file.")
@show.json_option
def compare_command(dataset: str, references: tuple[str, ...], picture: Path | None, as_json: bool) -> None:
    """Put versions side by side: rows, balance, signals, scores, findings, slices, grade, and what changed in the plan.

    Example: lakehouse compare reviews 1.0.0 1.1.0
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
        show.dump(found)
        return
    labels = [side.label for side in found.sides]
    show.table(f"{dataset}", ["", *labels], _facts(found), right=labels)
    for change in found.changes:
        what = ", ".join(f"{n:,} {kind}" for kind, n in change.rows.items())
        show.out.print(f"\n[bold]{change.a} -> {change.to}[/] {what}")
        for sentence in change.plan:
            show.out.print(f"  plan: {escape(sentence)}")
        for why, n in change.because.items():
            show.out.print(f"  {n:,} {escape(why)}")
    rows = [(f"{s.evaluation} {s.on} {s.metric}", *s.values, *(_interval(each) for each in s.differences)) for s in found.scores]
    if rows:
        against = [f"{label} - {labels[0]} (95 %)" for label in labels[1:]]
        show.table("\nScores", ["score", *labels, *against], rows, right=labels)
    for title, slices in (("appeared", found.appeared), ("gone", found.gone)):
        for label, name in slices:
            show.out.print(f"slice {title} in {label}: {escape(name)}")


def _facts(found: Compared) -> list[tuple[object, ...]]:
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
