"""Command `row erasures`: what was erased, and what was out of reach."""

from __future__ import annotations

from collections.abc import Mapping

import click

from lakehouse.cli import terminal
from lakehouse.core.project import Project
from lakehouse.operations.erasure.requests import requests


@click.command("erasures")
@terminal.json_option
def erasures_command(as_json: bool) -> None:
    """List what was erased: when, by whom, why, and what was out of reach.

    Example: lakehouse row erasures
    """
    found = requests(Project.find())
    if as_json:
        terminal.dump(found)
        return
    if not found:
        terminal.out.print("nothing was erased")
        return
    rows_of = [(r.request, f"{r.at:%Y-%m-%d %H:%M}", r.source, r.rows, r.basis, r.state, r.by, r.reason) for r in found]
    terminal.table("Erasures", ["request", "at (UTC)", "source", "rows", "basis", "state", "by", "reason"], rows_of, right=["rows"])
    for r in found:
        lost = ", ".join(_version(v) for v in r.versions)
        terminal.out.print(f"  {r.request} versions: {lost or '-'}; out of reach: {len(r.outside):,} (--json)", soft_wrap=True)


def _version(outcome: Mapping[str, object]) -> str:
    labels = outcome["released"]
    return f"{outcome['dataset']} {outcome['label']}" + (" (released)" if labels else "")
