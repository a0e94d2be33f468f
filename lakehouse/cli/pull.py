"""Command `pull`: a released bundle brought here."""

from __future__ import annotations

from pathlib import Path

import click
from rich.markup import escape

from lakehouse.cli import terminal
from lakehouse.core import versions
from lakehouse.core.project import Project
from lakehouse.delivery.release import dvc
from lakehouse.delivery.release.bundle import read_bundle, verify_bundle


@click.command("pull")
@click.argument("dataset")
@click.option("--label", default=None, help="An older release, such as 1.0.0.")
@click.option("--to", type=click.Path(path_type=Path), default=None, help="Folder to put it into; default: releases/DATASET.")
@terminal.json_option
def pull_command(dataset: str, label: str | None, to: Path | None, as_json: bool) -> None:
    """Bring a released bundle here from the DVC remote, and verify it.

    Example: lakehouse pull reviews --label 1.0.0 --to /tmp/reviews
    """
    from lakehouse.core.errors import ReleaseError

    project = Project.find()
    project.dataset(dataset)
    folder = dvc.pull(project, dataset, label.removeprefix("v") if label else None, to)
    problems = verify_bundle(folder)
    if problems:
        raise ReleaseError(
            f"what was pulled does not verify: {'; '.join(problems)}", where=str(folder), fix="pull again; else the remote is damaged"
        )
    retired = _retired(project, dataset, folder)
    if as_json:
        terminal.dump({"folder": str(folder), "retired": retired})
    else:
        if retired:
            terminal.out.print(f"[yellow]warning[/] this release was retired: {escape(retired)}", soft_wrap=True)
        terminal.out.print(f"{folder}: pulled and verified")
        terminal.out.print(f'Next: python -c "import datasets; print(datasets.load_dataset({str(folder)!r}))"')


def _retired(project: Project, dataset: str, folder: Path) -> str | None:
    """Why the version of a bundle was retired, as far as this lake's register knows it."""
    held = read_bundle(folder).version
    return next((v.retirement for v in versions.versions(project, dataset) if v.version == held), None)
