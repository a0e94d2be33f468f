"""Arguments and options that several commands share."""

from __future__ import annotations

import getpass
from collections.abc import Callable
from typing import Any, TypeVar

import click

from lakehouse.cli import terminal
from lakehouse.core.project import Project

F = TypeVar("F", bound=Callable[..., Any])


def by_option(function: F) -> F:
    """The option `--by`, the person who decides."""
    return click.option("--by", default=getpass.getuser, help="Who decides; default: the user of this machine.")(function)


def why_option(*, required: bool = True) -> Callable[[F], F]:
    """The option `--why`, as `reason`."""
    return click.option("--why", "reason", required=required, help="The reason, for the register and for readers.")


def report_broken(project: Project) -> None:
    """Name the declarations that a command over all of them left out, and end it with the exit code of a wrong declaration."""
    broken = (*project.broken("sources").values(), *project.broken("datasets").values())
    for error in broken:
        terminal.complain(error)
    if broken:
        raise click.exceptions.Exit(2)


def dataset_names(project: Project, given: tuple[str, ...]) -> list[str]:
    """The datasets that are named, or all of the project where none is.

    Raises:
        NotFoundError: one is not declared.
    """
    for name in given:
        project.dataset(name)
    return list(given) or list(project.datasets)
