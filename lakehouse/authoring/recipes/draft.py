"""A recipe on its way into a dataset file: steps, what was lost on the way, and the file's text."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl
import yaml

from lakehouse.core.errors import FactoryError, SpecError
from lakehouse.core.project import Project
from lakehouse.core.spec import NAME, Call, Dataset, yamlfile
from lakehouse.production.engine.operator import OPERATORS
from lakehouse.reserve.sample import sample_rows

_WIDTH = 120


@dataclass(frozen=True)
class Loss:
    """Something of the recipe that the dataset file does not do: an operator, or a parameter of one, and why."""

    what: str
    why: str
    where: str | None = None

    def __str__(self) -> str:
        return f"{self.where}: {self.what}: {self.why}" if self.where else f"{self.what}: {self.why}"


@dataclass(frozen=True)
class DraftStep:
    """One place of the recipe: a step, or none where everything was lost; `comment` names the source of its numbers."""

    step: Mapping[str, Mapping[str, Any]] | None
    losses: tuple[Loss, ...] = ()
    comment: str = ""


@dataclass(frozen=True)
class Draft:
    """A recipe in this factory's operators.

    Attributes:
        settings: the recipe's settings of where and how to run; they do not change rows and have no counterpart.
    """

    name: str
    description: str
    column: str
    lines: tuple[DraftStep, ...]
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def steps(self) -> list[dict[str, Any]]:
        """The steps as a dataset file declares them."""
        return [{k: dict(v) for k, v in line.step.items()} for line in self.lines if line.step is not None]

    @property
    def losses(self) -> list[Loss]:
        """All that is without counterpart, in order."""
        return [loss for line in self.lines for loss in line.losses]


@dataclass(frozen=True, kw_only=True)
class ImportedRecipe:
    """The files of an import, with their text, by path in the project (written unless it was a dry run)."""

    dataset: str
    source: str
    files: Mapping[str, str]
    steps: tuple[Mapping[str, Any], ...]
    losses: tuple[Loss, ...]
    settings: Mapping[str, Any]


def fits(step: Mapping[str, Mapping[str, Any]]) -> str | None:
    """Why an operator would refuse these parameters, or None."""
    ((name, params),) = step.items()
    call = Call.model_validate({name: dict(params)})
    try:
        bound = OPERATORS.bind(call)
        # A file of the user's may come later; `lakehouse check` asks for it.
        if not any(bound.get(file) is not None for file in OPERATORS.entry(call).info.get("files", ())):
            OPERATORS.entry(call).function(**bound)
    except FactoryError as error:
        return error.what
    return None


def write(project: Project, draft: Draft, *, name: str | None = None, source: str | None = None, dry_run: bool = False) -> ImportedRecipe:
    """Write `draft` as assets/datasets/<name>.yaml, with a contract unless there is one of that name.

    Args:
        source: a declared source; not needed where there is only one.

    Raises:
        SpecError: no such source, no such column in it, a bad name, or a dataset of that name exists. Nothing is written.
    """
    name = name or draft.name
    if not NAME.match(name):
        raise SpecError(f"`{name}` is no name for a dataset", fix="lower-case letters, digits and `_`, starting with a letter: --name NAME")
    file, contract = f"assets/datasets/{name}.yaml", f"contracts/{name}.py"
    if name in project.datasets:
        raise SpecError(f"dataset {name} exists", where=project.datasets[name].document.path, fix="give another name: --name NAME")
    source = _source(project, source)
    columns = _columns(project, source)
    made = {column for step in draft.steps for params in step.values() if (column := params.get("to")) is not None}
    if draft.column not in {*columns, *made}:
        raise SpecError(f"source {source} has no column `{draft.column}`", fix=f"name the text column: --column {'|'.join(columns)}")
    title = "".join(part.title() for part in name.split("_"))
    files = {file: _declaration(draft, name, source, f"{contract}:{title}")}
    if not (project.root / contract).exists():
        files[contract] = _contract(name, title, columns, draft.column)
    if not dry_run:
        for path, text in files.items():
            (project.root / path).parent.mkdir(parents=True, exist_ok=True)
            (project.root / path).write_text(text, encoding="utf-8")
    return ImportedRecipe(
        dataset=name, source=source, files=files, steps=tuple(draft.steps), losses=tuple(draft.losses), settings=draft.settings
    )


def _source(project: Project, source: str | None) -> str:
    known = sorted(project.sources)
    if source is not None:
        if source not in project.sources:
            raise SpecError(f"no source `{source}`", fix=yamlfile.suggest(source, known) if known else "declare it in assets/sources")
        return source
    if len(known) != 1:
        fix = f"--source {'|'.join(known)}" if known else "declare one in assets/sources first"
        raise SpecError(f"the recipe needs a source, and {len(known)} are declared", fix=fix)
    return known[0]


def _columns(project: Project, source: str) -> dict[str, str]:
    """Columns of a source with the type that a contract gives them; those that are neither text nor number are left to the user."""
    declared = project.source(source).columns
    found_types = sample_rows(project, source).schema if declared is None else {column: one.dtype for column, one in declared.items()}
    plain = {pl.String: "str", pl.Int64: "int", pl.Float64: "float", pl.Boolean: "bool"}
    found = {column: plain.get(type(dtype)) for column, dtype in found_types.items()}  # type: ignore[call-overload]
    return {column: kind for column, kind in found.items() if kind is not None}


def _declaration(draft: Draft, name: str, source: str, contract: str) -> str:
    head = {
        "dataset": name,
        "description": draft.description,
        "owner": "team:data",
        "sources": [source],
        "contract": contract,
        "on_violation": {"action": "quarantine", "max_rate": 0.02},
    }
    tail = {"splits": {"by": "cluster", "train": 0.8, "validation": 0.1, "test": 0.1, "seed": 7}}
    out = [_dump(head).rstrip()]
    if draft.settings:
        out.append(_comment("Settings without counterpart, which do not change rows: " + flow(draft.settings) + ".", ""))
    out.append("recipe:" if draft.steps else "recipe: []")
    for line in draft.lines:
        if line.comment:
            out.append(_comment(line.comment, "  "))
        out += [_comment(f"Left out: {loss.what}: {loss.why}.", "  ") for loss in line.losses]
        if line.step is not None:
            ((operator, params),) = line.step.items()
            out.append(f"  - {operator}: {flow(params)}")
    text = "\n".join(out) + "\n" + _dump(tail)
    if yaml.safe_load(text)["recipe"] != draft.steps:
        raise AssertionError(f"the file would declare other steps than those of the recipe:\n{text}")
    Dataset.model_validate_json(json.dumps(yaml.safe_load(text)))
    return text


def _dump(value: Mapping[str, Any]) -> str:
    return str(yaml.safe_dump(value, sort_keys=False, allow_unicode=True, default_flow_style=None, width=_WIDTH))


def flow(value: Any) -> str:
    """A value as YAML on one line."""
    text = str(yaml.safe_dump(value, sort_keys=False, allow_unicode=True, default_flow_style=True, width=10**9))
    return text.removesuffix("...\n").strip()


def _comment(text: str, indent: str) -> str:
    prefix = f"{indent}# "
    return textwrap.fill(" ".join(text.split()), _WIDTH, initial_indent=prefix, subsequent_indent=prefix, break_long_words=False)


def _contract(name: str, title: str, columns: Mapping[str, str], text: str) -> str:
    rules = {text: 'str_length={"min_value": 1}'}
    columns = {text: "str", **columns}
    fields = [f"    {c}: {kind} = pa.Field({rules.get(c, 'nullable=True')})" for c, kind in columns.items() if c.isidentifier()]
    return (
        f'"""What a row of {name} promises."""\n\nimport pandera.polars as pa\n\n\n'
        f'class {title}(pa.DataFrameModel):\n    """A row of {name}."""\n\n' + "\n".join(fields) + "\n"
    )


def checked(step: Mapping[str, Mapping[str, Any]], losses: Sequence[Loss], what: str, where: str | None, comment: str = "") -> DraftStep:
    """The step if its operator takes it, else a place with the reason."""
    refused = fits(step)
    if refused is not None:
        return DraftStep(None, (*losses, Loss(what, refused, where)), comment)
    return DraftStep(step, tuple(losses), comment)


def list_under(document: yamlfile.Document, key: str) -> list[Any]:
    """The list under `key` of a document.

    Raises:
        SpecError: there is none.
    """
    value = document.data.get(key)
    if not isinstance(value, list) or not value:
        raise SpecError(f"no list `{key}:` of operators", where=document.where((key,)), fix="give the YAML file of a recipe")
    return value


def path_in(project: Project, file: Path) -> str:
    """`file` as a path in the project folder.

    Raises:
        SpecError: it is not in it.
    """
    try:
        return str(file.resolve().relative_to(project.root))
    except ValueError as error:
        raise SpecError(f"{file} is not in the factory's folder", fix=f"copy it into {project.root}") from error
