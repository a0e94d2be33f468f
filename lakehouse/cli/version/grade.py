"""Command `version grade`: a letter from measured indicators."""

from __future__ import annotations

from pathlib import Path

import click
from rich.markup import escape

from lakehouse.cli import terminal
from lakehouse.core.project import Project
from lakehouse.operations.maintenance.grade import grade
from lakehouse.operations.maintenance.pictures import grade_picture

PICTURE = click.Path(dir_okay=False, writable=True, path_type=Path)


@click.command("grade")
@click.argument("dataset")
@click.option("--version", "reference", default="latest", show_default=True, help="Label or id of the version.")
@click.option("--picture", type=PICTURE, help="Write the indicators as a PNG to this file.")
@terminal.json_option
def grade_command(dataset: str, reference: str, picture: Path | None, as_json: bool) -> None:
    """Grade a version, A to D, by eleven measured indicators, and record it.

    It measures; `version downgrade` lowers the letter by hand, until this is run again.

    Example: lakehouse version grade reviews --picture grade.png
    """
    project = Project.find()
    project.dataset(dataset)
    with terminal.progress(quiet=as_json) as report:
        done = grade(project, dataset, reference, progress=report)
    if picture is not None:
        picture.write_bytes(grade_picture(done.as_json()["indicators"], f"{dataset} {done.label}: grade {done.grade} ({done.rule})"))
    if as_json:
        terminal.dump({"dataset": dataset, "version": done.version, "label": done.label, **done.as_json(), "unchanged": done.unchanged})
        return
    terminal.out.print(f"[bold]{dataset}[/] {done.label} ({done.version}): grade [bold]{done.grade}[/] by {done.rule}")
    for sentence in done.because:
        terminal.out.print(f"  {escape(sentence)}")
    rows: list[tuple[object, ...]] = []
    for m in done.marked:
        i = m.indicator
        found = f"{_number(i.numerator)} of {_number(i.denominator)}" if i.numerator is not None else "-"
        interval = f"{i.low:.4f} to {i.high:.4f}" if i.low is not None else "-"
        rows.append((i.name + (" *" if m.essential else ""), m.grade, i.value, interval, found))
    terminal.table(
        "Indicators (* essential)", ["indicator", "grade", "value", "95 % interval", "counted"], rows, right=["value", "counted"]
    )
    screened = ", ".join(f"{kind} {'not measured' if value is None else f'{value:.4f}'}" for kind, value in done.screen.items())
    terminal.out.print(f"Screening: {screened}")
    for m in done.marked:
        terminal.out.print(f"  [dim]{m.indicator.name}: {escape(m.indicator.how)}[/]")


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:.4f}"
