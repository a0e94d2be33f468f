"""Command `version retire`: a version withdrawn, or reinstated."""

from __future__ import annotations

import click

from lakehouse.cli import terminal
from lakehouse.cli.arguments import by_option, why_option
from lakehouse.cli.version.downgrade import show_lifecycle_event
from lakehouse.core.project import Project
from lakehouse.operations.maintenance.lifecycle import reinstate, retire


@click.command("retire")
@click.argument("dataset")
@click.argument("version")
@why_option()
@by_option
@click.option("--superseded-by", metavar="VERSION", help="The version to take instead.")
@click.option("--undo", is_flag=True, help="Reinstate a retired version, with the reason.")
@terminal.json_option
def retire_command(dataset: str, version: str, reason: str, by: str, superseded_by: str | None, undo: bool, as_json: bool) -> None:
    """Withdraw a version: no release and no roll-back takes it any more.

    Its rows stay where they are; `version archive` moves them, and decides nothing about
    their use.

    Example: lakehouse version retire reviews 1.0.0 --why "its source was withdrawn" --superseded-by 1.1.0
    """
    if undo and superseded_by:
        raise click.UsageError("--superseded-by has no meaning with --undo")
    project = Project.find()
    project.dataset(dataset)
    if undo:
        show_lifecycle_event(reinstate(project, dataset, version, reason, by), as_json)
    else:
        show_lifecycle_event(retire(project, dataset, version, reason, by, superseded_by), as_json)
