"""What may be sent to a model on another machine."""

from __future__ import annotations

from lakehouse.core import versions
from lakehouse.core.errors import RecipeError
from lakehouse.pilot.evaluation import DataOrigin


def may_leave(origin: DataOrigin, column: str, allowed: frozenset[str]) -> None:
    """Refuse to send values of `column` to another machine that may carry a privacy class which is not `allowed`.

    A job sees rows, not the version that they are of, so every version of the dataset, and of its frozen set, has a say.

    Raises:
        RecipeError: a class is not allowed, or the rows are of no declared dataset, so that nothing says what they carry.
    """
    name, project = origin.dataset, origin.project
    if name is None or name not in project.datasets:
        raise RecipeError(
            f"nothing says what `{column}` may carry, so it is not sent to another machine",
            fix="evaluate a declared dataset with `lakehouse run`, or use an endpoint on this machine",
        )
    frozen = project.dataset(name).pilot.held_out
    for each in (name, *([frozen.dataset] if frozen else [])):
        for version in versions.versions(project, each):
            if carried := frozenset(version.manifest.get("privacy", {}).get(column, [])) - allowed:
                raise RecipeError(
                    f"`{column}` of {each} {version.label} may carry {', '.join(sorted(carried))}, which may not leave this machine",
                    fix="name the classes under `may_send`, redact them in the recipe, or use an endpoint on this machine",
                )
