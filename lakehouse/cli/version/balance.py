"""Command `version balance`: where the rows of a dataset went."""

from __future__ import annotations

import click

from lakehouse.cli import terminal
from lakehouse.core import versions
from lakehouse.core.errors import NotFoundError
from lakehouse.core.project import Project
from lakehouse.production.engine.balance import from_json
from lakehouse.production.silver import sealed


@click.command("balance")
@click.argument("dataset")
@click.option("--version", "reference", default=None, help="Version id or label; default: silver as it is now.")
@terminal.json_option
def balance_command(dataset: str, reference: str | None, as_json: bool) -> None:
    """Show where every row of a dataset went, step by step.

    Example: lakehouse version balance reviews
    """
    project = Project.find()
    project.dataset(dataset)
    if reference is None:
        steps = sealed(project, dataset)[1]
    else:
        steps = tuple(from_json(b) for b in versions.find(project, dataset, reference).manifest["balance"])
    if not steps:
        raise NotFoundError(f"{dataset} was not made yet", fix=f"lakehouse run {dataset}")
    if as_json:
        terminal.dump([b.as_json() for b in steps])
    else:
        terminal.balance(f"Balance of {dataset}", steps)
