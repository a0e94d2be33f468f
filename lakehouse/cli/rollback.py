"""Command `rollback`: an older release made the current one again."""

from __future__ import annotations

import click

from lakehouse.cli import terminal
from lakehouse.cli.release import show_release
from lakehouse.core.project import Project
from lakehouse.delivery.release.release import rollback


@click.command("rollback")
@click.argument("dataset")
@click.argument("reference")
@click.option("--hub", is_flag=True, help="Also push to `release.hub`.")
@terminal.json_option
def rollback_command(dataset: str, reference: str, hub: bool, as_json: bool) -> None:
    """Make an older release the current one again; its bytes come back, its tag stays.

    Example: lakehouse rollback reviews 1.0.0
    """
    project = Project.find()
    project.dataset(dataset)
    with terminal.progress(quiet=as_json) as report:
        done = rollback(project, dataset, reference, push_hub=hub, progress=report)
    if as_json:
        terminal.dump(done)
    else:
        show_release(done)
