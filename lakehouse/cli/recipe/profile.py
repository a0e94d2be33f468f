"""Command `recipe profile`: how signals are distributed, with their thresholds."""

from __future__ import annotations

from pathlib import Path

import click

from lakehouse.cli import terminal
from lakehouse.core.project import Project
from lakehouse.production.inspection.profile import profile, profile_picture


@click.command("profile")
@click.argument("dataset")
@click.option("--picture", type=click.Path(dir_okay=False, path_type=Path), help="Write the histograms to this PNG file.")
@terminal.json_option
def profile_command(dataset: str, picture: Path | None, as_json: bool) -> None:
    """Show how every signal of a dataset is distributed, beside the thresholds that look at it.

    Example: lakehouse recipe profile reviews --picture signals.png
    """
    found = profile(Project.find(), dataset)
    if picture is not None:
        picture.write_bytes(profile_picture(found, f"Signals of {dataset}"))
    if as_json:
        terminal.dump(found)
        return
    rows = []
    for one in found:
        words = ", ".join(f"{word} {n:,}" for word, n in list(one.shares.items())[:3])
        spread = words if one.median is None else " / ".join(f"{v:.3g}" for v in (one.p05, one.median, one.p95) if v is not None)
        limits = ", ".join(f"{name}={value:g}" for name, value in one.thresholds.items()) or None
        rows.append((one.signal, f"{one.rows:,}", spread, limits, f"{one.leave:,}"))
    terminal.table(f"Signals of {dataset}", ["signal", "rows", "5 % / median / 95 %", "thresholds", "left"], rows)
    if picture is not None:
        terminal.out.print(f"Histograms: {picture}")
