"""Command `doctor`: what is installed, reachable, missing."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import click
from rich.text import Text

from lakehouse.cli import terminal
from lakehouse.cli.doctor.condition import Condition
from lakehouse.cli.doctor.installation import installation
from lakehouse.cli.doctor.needs import extras_needed
from lakehouse.cli.doctor.services import services
from lakehouse.core.errors import FactoryError, MissingExtraError, NotFoundError, SpecError
from lakehouse.core.project import Project
from lakehouse.operations.check import check

_COLOURS = {"ok": "green", "missing": "yellow", "problem": "red"}


@click.command("doctor")
@terminal.json_option
def doctor_command(as_json: bool) -> None:
    """Say what is installed, reachable, missing, and what to do about it.

    Outside a factory folder, the installation only. Exit code 0 when all is there
    that the factory's declarations need, 2 for a mistake in them, else 1. Nothing
    is asked over the network but what the settings name, for seconds at most.

    Example: lakehouse doctor
    """
    found = conditions()
    bad = [each for each in found if each.needed and each.state != "ok"]
    if as_json:
        terminal.dump({"ok": not bad, "conditions": found})
    else:
        _show(found, len(bad))
    if bad:
        raise click.exceptions.Exit(SpecError.exit_code if any(each.part == "Factory" for each in bad) else FactoryError.exit_code)


def conditions() -> list[Condition]:
    """All conditions, those of the installation first."""
    needed: Mapping[str, Sequence[str]] = {}
    factory: list[Condition] = []
    try:
        project = Project.find()
        problems = check(project)
        factory += [Condition(part="Factory", name="folder", state="ok", detail=str(project.root), needed=True), *_declarations(problems)]
        with suppress(FactoryError):  # a file that does not load is among the problems
            needed = extras_needed(project)
            factory += services(project)
    except NotFoundError as error:
        begin = Path(os.environ.get("LAKEHOUSE_PROJECT", "."))
        detail = f"none at or above {begin.resolve()}"
        factory.append(Condition(part="Factory", name="folder", state="missing", detail=detail, fix=error.fix))
    except FactoryError as error:
        factory.append(_mistake(error))
    return [*installation(needed), *factory]


def _declarations(problems: Sequence[FactoryError]) -> list[Condition]:
    """Mistakes in the declarations, and the extras that binding them missed."""
    found = [
        Condition(part="Installation", name=each.where or "extra", state="missing", detail=each.what, fix=each.fix, needed=True)
        for each in problems
        if isinstance(each, MissingExtraError)
    ]
    mistakes = [each for each in problems if not isinstance(each, MissingExtraError)]
    if not mistakes:
        return [Condition(part="Factory", name="declarations", state="ok", detail="all in order", needed=True), *found]
    return [*map(_mistake, mistakes), *found]


def _mistake(error: FactoryError) -> Condition:
    detail = f"{error.where}: {error.what}" if error.where else error.what
    return Condition(part="Factory", name="declarations", state="problem", detail=detail, fix=error.fix or "lakehouse check", needed=True)


def _show(found: Sequence[Condition], bad: int) -> None:
    packages = [each for each in found if each.name.startswith("package ") and each.state == "ok"]
    for part in dict.fromkeys(each.part for each in found):
        rows = [
            (each.name, Text(each.state, _COLOURS[each.state]), each.detail + (f"\n{each.fix}" if each.fix else ""))
            for each in found
            if each.part == part and each not in packages
        ]
        terminal.table(part, ["what", "state", "detail, and what to do"], rows)
        if part == "Installation":
            listed = ", ".join(f"{each.name.removeprefix('package ')} {each.detail}" for each in packages)
            terminal.out.print(f"{len(packages)} packages of the core: {listed}\n")
        else:
            terminal.out.print()
    if bad:
        terminal.out.print(f"[red]Needed, and not in order: {bad}[/]")
    elif any(each.part == "Factory" and each.state == "missing" for each in found):
        terminal.out.print("The installation is in order. No factory is here: change into one, or make one (lakehouse init DIR).")
    else:
        terminal.out.print("Everything that is needed is there.")
