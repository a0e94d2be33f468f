"""Sites: factories in domains of their own. A hub runs them in place and takes their releases."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Literal

from lakehouse.core.errors import FactoryError, SourceError, SpecError
from lakehouse.core.project import Project
from lakehouse.reserve.transport.site_releases import Exit, SiteRelease

_SAID = 400
"""Characters of a site's refusal that are shown."""


@dataclass(frozen=True)
class SiteStatus:
    """The release of a dataset by a site; `problem` where its exit cannot be read."""

    site: str
    dataset: str
    released: SiteRelease | None
    problem: str | None


@dataclass(frozen=True, kw_only=True)
class SiteRun:
    """The outcome of a site's run and release of a dataset.

    Attributes:
        label: label that was released; None where none was.
        version: version that was released; None where none was.
        problem: the last line of the site's refusal.
    """

    site: str
    dataset: str
    outcome: Literal["released", "refused", "unreachable"]
    label: str | None
    version: str | None
    problem: str | None


def declared(project: Project) -> list[tuple[str, str]]:
    """Site and dataset of every source whose connector is `site`."""
    calls = [d.spec.connector for d in project.sources.values() if d.spec.connector.name == "site"]
    return sorted({(str(call.params.get("site")), str(call.params.get("dataset"))) for call in calls})


def standing(project: Project) -> list[SiteStatus]:
    """The releases at the exits, for every dataset that a source takes from a site."""
    out = []
    for site, dataset in declared(project):
        try:
            out.append(SiteStatus(site, dataset, Exit.of(project, site).exported(dataset), None))
        except FactoryError as error:
            out.append(SiteStatus(site, dataset, None, error.what))
    return out


def process(project: Project, sites: Sequence[str] = ()) -> list[SiteRun]:
    """Let sites run and release what sources here take from them, all at the same time, each in its own domain.

    A site is asked by its `command`, to which `run DATASET --json` and `release DATASET --json` are added. Of its output, label,
    version and a refusal's last line are kept, in memory; nothing that it prints is stored.

    Raises:
        SpecError: a site that is asked for has no command.
        SourceError: no such site.
    """
    known = project.settings.sites
    wanted = [(site, dataset) for site, dataset in declared(project) if not sites or site in sites]
    for site in sites or [site for site, _ in wanted]:
        Exit.of(project, site)
    for site, _ in wanted:
        if not known[site].command:
            raise SpecError(f"site {site} has no `command`", where="lakehouse.yaml", fix="declare it, or let the site run by itself")
    with ThreadPoolExecutor(max(1, len(wanted))) as pool:
        return list(pool.map(lambda one: _process(project, *one), wanted))


def _process(project: Project, site: str, dataset: str) -> SiteRun:
    command = [sys.executable if part == "python" else part for part in project.settings.sites[site].command]
    versioned: dict[str, str] = {}
    for what in ("run", "release"):
        try:
            done = subprocess.run([*command, what, dataset, "--json"], cwd=project.root, capture_output=True, text=True, check=False)
        except OSError as error:
            return SiteRun(
                site=site, dataset=dataset, outcome="unreachable", label=None, version=None, problem=f"{command[0]}: {error.strerror}"
            )
        if done.returncode:
            messages = [line.strip() for line in done.stderr.splitlines() if line.strip()] or ["it gives no message"]
            first = next((line for line in messages if line.startswith("error")), messages[-1])
            return SiteRun(site=site, dataset=dataset, outcome="refused", label=None, version=None, problem=f"{what}: {first[:_SAID]}")
        if what == "release":
            versioned = _json_outcome(site, done.stdout)
    return SiteRun(
        site=site, dataset=dataset, outcome="released", label=versioned.get("label"), version=versioned.get("version"), problem=None
    )


def _json_outcome(site: str, output: str) -> dict[str, str]:
    """The site's output on the release of one dataset."""
    try:
        (versioned,) = json.loads(output)
        return {name: str(versioned[name]) for name in ("label", "version")}
    except (ValueError, TypeError, KeyError) as error:
        what = f"site {site} does not answer as `lakehouse release --json` does: {error}"
        raise SourceError(what, where="lakehouse.yaml", fix="check its `command`") from error
