"""Recipes that papers describe: data files in lakehouse/presets, each step with the source of its numbers."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

from pydantic import Field

from lakehouse.authoring.recipes.draft import Draft, DraftStep, Loss, checked
from lakehouse.core.errors import SpecError
from lakehouse.core.spec import Call, Model, yamlfile
from lakehouse.production.engine.operator import OPERATORS


class PresetStep(Model):
    """A step, or what of the paper no step does.

    Attributes:
        step: an operator with its parameters, the text column left out.
        missing: what has no counterpart.
        needs: `words`, a file of the user's with terms; without it the step is left out.
        source: where the numbers come from.
    """

    step: Call | None = None
    missing: str | None = None
    needs: str | None = Field(default=None, pattern="^words$")
    source: str


class Preset(Model):
    """A preset: `lakehouse/presets/<preset>.yaml`."""

    preset: str
    description: str
    steps: list[PresetStep]


def presets() -> dict[str, Preset]:
    """All presets by name."""
    found = {}
    with resources.as_file(resources.files("lakehouse.authoring") / "presets") as folder:
        for file in sorted(Path(folder).glob("*.yaml")):
            found[file.stem] = yamlfile.validate(yamlfile.read(file, file.name), Preset)
    return found


def read_preset(name: str, column: str = "text", words: str | None = None) -> Draft:
    """A preset as a draft.

    Args:
        words: path in the project folder of a file of terms, one a line, for steps that drop by words.

    Raises:
        SpecError: no such preset.
    """
    known = presets()
    if name not in known:
        raise SpecError(f"no preset `{name}`", fix=yamlfile.suggest(name, known))
    preset = known[name]
    lines = [_line(step, column, words) for step in preset.steps]
    return Draft(name.replace("-", "_"), " ".join(preset.description.split()), column, tuple(lines))


def _line(given: PresetStep, column: str, words: str | None) -> DraftStep:
    if given.step is None:
        return DraftStep(None, (Loss(str(given.missing), " ".join(given.source.split()).rstrip(".")),))
    params: Mapping[str, Any] = given.step.params
    if given.needs == "words":
        if words is None:
            return DraftStep(None, (Loss(given.step.name, "it needs a file of your own words, one a line: --words FILE"),), given.source)
        params = {OPERATORS.entry(given.step).info["files"][0]: words, **params}
    fields = OPERATORS.entry(given.step).params.model_fields
    target: dict[str, Any] = {"column": column} if "column" in fields else {"columns": [column]}
    return checked({given.step.name: {**target, **params}}, (), given.step.name, None, given.source)
