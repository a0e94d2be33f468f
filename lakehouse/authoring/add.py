"""Add a dataset to a factory: its source, contract and declaration, from a look at the material."""

from __future__ import annotations

import keyword
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import polars as pl

from lakehouse.authoring import elsewhere
from lakehouse.authoring.choices import Choices, ColumnChoice, choose
from lakehouse.authoring.contract_file import contract_text
from lakehouse.authoring.dataset_file import dataset_text
from lakehouse.authoring.material_place import placed
from lakehouse.authoring.naming import free_name
from lakehouse.authoring.source_file import WrittenSource, declare, files_options, renamed_columns, with_file_columns
from lakehouse.authoring.yaml_file import write
from lakehouse.core.docs import page
from lakehouse.core.errors import SourceError, SpecError
from lakehouse.core.project import Project
from lakehouse.core.spec.source import Column
from lakehouse.reserve.discovery.columns import described
from lakehouse.reserve.discovery.discover import Discovery, discover


@dataclass(frozen=True, kw_only=True)
class Added:
    """What was added.

    Attributes:
        kind: what the material is: `text`, `table`, `chat`, ...
        files: written for a person to read and change.
        columns: what was chosen for each column, and why.
        notes: what the user should know.
        questions: what only the user knows, a sentence each.
    """

    dataset: str
    source: str
    kind: str
    files: tuple[str, ...]
    columns: tuple[ColumnChoice, ...]
    notes: tuple[str, ...]
    questions: tuple[str, ...]


Ask = Callable[[Sequence[str], str | None], str | None]
"""Asks a person for the label: the columns that may be it, and the one that was guessed; None: there is none."""


def add(
    project: Project,
    material: str,
    *,
    name: str | None = None,
    text: str | None = None,
    label: str | None = None,
    table: str | None = None,
    ask: Ask | None = None,
) -> Added:
    """Declare a dataset from a file, a folder, an address or a database.

    Args:
        name: of the dataset; by default that of the material.
        text: the column of the text; label: the one to be predicted; by default found in the material.
        table: of a database.
        ask: asks for the label where no column is named like one.

    Raises:
        SourceError: the material cannot be read. SpecError: a name is taken or none, or a named column is not there.
    """
    if not material.strip():
        raise SourceError("no material is named", fix="name a file, a folder, an address or a database")
    if elsewhere.is_elsewhere(material):
        return _from_elsewhere(project, material, name, text, label, table, ask)
    path = Path(material).expanduser()
    named = free_name(project, name, path.name)
    dataset = named.name
    place = placed(project, path)
    try:
        found = _redactable(_readable(discover(place.path)))
        found = _with_file_columns(found, options := files_options(project, found, place.path))
        found, renamed = renamed_columns(found)
        choices = _chosen(found, text, label, ask)
        found = _with_privacy(found, choices)
        source = declare(project, f"{dataset}_raw", {"files": options}, found, renamed, path.name)
        notes = (*([named.note] if named.note else []), *place.notes, *found.notes, *_findings(found))
        return _written(project, dataset, source, found, choices, notes)
    except BaseException:
        if place.copied and place.path.is_relative_to(project.root.resolve()):
            shutil.rmtree(place.path) if place.path.is_dir() else place.path.unlink()
        raise


def _from_elsewhere(
    project: Project, material: str, name: str | None, text: str | None, label: str | None, table: str | None, ask: Ask | None
) -> Added:
    at = elsewhere.connected(project, material, table)
    named = free_name(project, name, at.name)
    dataset = named.name
    found, renamed = renamed_columns(_redactable(_readable(elsewhere.discovered(project, at))))
    choices = _chosen(found, text, label, ask)
    found = _with_privacy(found, choices)
    source = declare(project, f"{dataset}_raw", at.connector, found, renamed, at.called)
    return _written(project, dataset, source, found, choices, (*([named.note] if named.note else []), *found.notes))


def _findings(found: Discovery) -> list[str]:
    listed = ", ".join(f"{finding} {n:,}" for finding, n in found.findings.items())
    return [f"sampled items that cannot be read, and stay out of the dataset: {listed}"] if listed else []


def _readable(found: Discovery) -> Discovery:
    if not found.columns:
        types = ", ".join(group.type for group in found.groups)
        raise SourceError(
            f"{found.path} is {types}: nothing in it can be collected", fix=f"convert it to one of the formats of {page('collecting.md')}"
        )
    return found


def _redactable(found: Discovery) -> Discovery:
    """The discovery with whole numbers that hold private data as texts: no step takes a phone number out of a number."""
    columns = [
        replace(c, form=Column(type="string"), least=None, most=None) if c.private and c.form.dtype.is_integer() else c
        for c in found.columns
    ]
    texts = [f"`{c.name}`" for c, before in zip(columns, found.columns, strict=True) if c is not before]
    note = f"{', '.join(texts)}: whole numbers, read as text so that `redact` can take the private data out"
    return replace(found, columns=tuple(columns), notes=(*found.notes, note)) if texts else found


def _with_file_columns(found: Discovery, options: dict[str, Any]) -> Discovery:
    """The discovery with the columns that files are given beside what they hold: their bytes, name and folder."""
    look, columns = found.described, list(found.columns)
    assert look is not None
    if look.format in ("image", "audio"):
        data = described(pl.Series("data", [b""], dtype=pl.Binary), Column(type="binary"))
        columns.append(replace(data, examples=(), note="the file itself"))
    return with_file_columns(replace(found, columns=tuple(columns)), options)


def _chosen(found: Discovery, text: str | None, label: str | None, ask: Ask | None) -> Choices:
    names = [column.name for column in found.columns]
    for given in (text, label):
        if given is not None and given not in names:
            raise SpecError(f"{Path(found.path).name} has no column `{given}`", fix=f"columns: {', '.join(names)}")
    made = choose(found, text=text, label=label)
    if ask is None or not made.candidates:
        return made
    answer = ask(made.candidates, made.label)
    return replace(made, questions=()) if answer is None and made.label is None else choose(found, text=text, label=answer or made.label)


def _with_privacy(found: Discovery, choices: Choices) -> Discovery:
    """The private data that columns may hold: any in the texts, which the recipe redacts; in others what the sample showed."""
    kinds = {c.name: ["pii"] if c.name in choices.texts else sorted(c.private) for c in found.columns}
    named = {c.name: [c.named] for c in found.columns if c.named}
    return replace(found, privacy={c: [*of, *named.get(c, [])] for c, of in kinds.items() if of or c in named})


def _written(project: Project, dataset: str, source: WrittenSource, found: Discovery, choices: Choices, notes: tuple[str, ...]) -> Added:
    """Write contract and dataset; where that fails, the source goes again."""
    title = "".join(part.title() for part in dataset.split("_"))
    title = f"{title}Row" if keyword.iskeyword(title) else title
    contract, declaration = project.root / "contracts" / f"{dataset}.py", project.root / "assets" / "datasets" / f"{dataset}.yaml"
    try:
        write(contract, contract_text(title, dataset, found.columns, choices, whole=found.whole, rows=found.rows))
        write(declaration, dataset_text(dataset, source.source, title, found, choices))
        project.load(declaration)
    except BaseException:
        for file in (source.file, contract, declaration):
            file.unlink(missing_ok=True)
        raise
    files = tuple(str(file.relative_to(project.root)) for file in (source.file, declaration, contract))
    return Added(
        dataset=dataset,
        source=source.source,
        kind=choices.kind,
        files=files,
        columns=choices.columns,
        notes=notes,
        questions=choices.questions,
    )
