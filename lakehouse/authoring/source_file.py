"""The declaration of a source, from its discovery: how its files are read, its columns with the reason of each type, its private data."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from glob import escape, has_magic
from pathlib import Path, PurePosixPath
from typing import Any

import polars as pl

from lakehouse.authoring.naming import name_of
from lakehouse.authoring.yaml_file import rendered, write
from lakehouse.core.docs import page
from lakehouse.core.errors import SourceError, SpecError
from lakehouse.core.project import Project
from lakehouse.core.spec import NAME
from lakehouse.core.spec.source import Column
from lakehouse.reserve.discovery.columns import ColumnProfile, described
from lakehouse.reserve.discovery.discover import Discovery
from lakehouse.reserve.discovery.file_type import Look
from lakehouse.reserve.formats import by_extension, usual_separator

LICENSE = "proprietary"
"""The licence of material without a stated one: it must not be passed on."""
_TAKEN = {"row_id": "source_row_id"}
"""Names that a release gives to columns of its own."""


@dataclass(frozen=True)
class WrittenSource:
    """The written source: its name, and its file."""

    source: str
    file: Path


def write_source(project: Project, found: Discovery, name: str | None = None) -> WrittenSource:
    """Write `assets/sources/NAME.yaml`; the material stays as it is.

    Raises:
        SourceError: it holds nothing that can be collected. SpecError: the name is taken or none.
    """
    path = Path(found.path).resolve()
    name = name or f"{name_of(path.name)}_raw"
    found, renamed = renamed_columns(found)
    options = files_options(project, found, path)
    return declare(project, name, {"files": options}, with_file_columns(found, options), renamed, Path(found.path).name)


def declare(
    project: Project, name: str, connector: dict[str, dict[str, Any]], found: Discovery, renamed: Mapping[str, str], called: str
) -> WrittenSource:
    """Write the declaration of material that was discovered.

    Args:
        connector: with its options, `rename` left out.
        found: with its columns as they are renamed.
        called: what the material is called.

    Raises:
        SpecError: the name is taken or none.
    """
    if not NAME.match(name):
        raise SpecError(f"`{name}` is no name for a source", fix="lower-case letters, digits and `_`, starting with a letter: --name NAME")
    file = project.root / "assets" / "sources" / f"{name}.yaml"
    if file.exists() or file.with_suffix(".yml").exists():
        raise SpecError(f"assets/sources/{file.name} exists", fix="give another name: --name NAME")
    spec, comments = _spec(name, connector, found, renamed, called)
    write(file, rendered(spec, "source", comments))
    try:
        project.load(file)
    except SpecError:
        file.unlink()
        raise
    return WrittenSource(name, file)


def _spec(
    name: str, connector: dict[str, dict[str, Any]], found: Discovery, renamed: Mapping[str, str], called: str
) -> tuple[dict[str, Any], dict[tuple[str | int, ...], str]]:
    if renamed:
        connector = {kind: {**options, "rename": dict(renamed)} for kind, options in connector.items()}
    spec: dict[str, Any] = {
        "source": name,
        "description": f"{called} as it was received.",
        "owner": "team:data",
        "license": LICENSE,
        "connector": connector,
        "key": "position",
        "columns": {column.name: declared(column.form) for column in found.columns},
    }
    comments: dict[tuple[str | int, ...], str] = {
        ("license",): "SPDX identifier, or the terms in words; every row carries it.",
        ("key",): "What identifies an item: its position in its file, its content, or columns such as [id].",
    }
    comments |= {("columns", column.name): reason(column) for column in found.columns}
    keys = [key for key in found.keys if found.whole and not found.findings]
    if keys and found.described is not None and found.described.kind == "table":
        spec["key"] = [keys[0]]
    if found.privacy:
        spec["privacy"] = found.privacy
        comments[("privacy",)] = "Private data that a column may hold; a release that forbids it is refused while a column still does."
    return spec, comments


def declared(form: Column) -> str | dict[str, Any]:
    """A column as a declaration writes it."""
    given = form.model_dump(exclude_defaults=True)
    return form.type if len(given) == 1 else given


def reason(column: ColumnProfile) -> str:
    """Why a column has its type, or what it holds."""
    parts = []
    if column.is_private:
        kinds = [*sorted(column.private), *([column.named] if column.named else [])]
        parts.append(f"private data: {', '.join(kinds)}")
    elif column.span is not None:
        parts.append(column.span)
    elif column.examples:
        parts.append("such as " + ", ".join(column.examples[:2]))
    if column.not_finite:
        parts.append(f"some are {' or '.join(column.not_finite)}")
    if column.nulls >= 0.005:
        parts.append(f"{column.nulls:.0%} empty")
    if column.note:
        parts.append(column.note)
    return "; ".join(parts).replace("\n", " ") or "no value in the sample"


def renamed_columns(found: Discovery) -> tuple[Discovery, dict[str, str]]:
    """A discovery with the names that its columns can have, and the new names by the old ones.

    A name of the system, one that a release gives, and one that differs from another by case alone get a new one.
    """
    taken: set[str] = set()
    names: dict[str, str] = {}
    for at, column in enumerate(found.columns):
        plain = column.name.strip().lstrip("_")
        new = _TAKEN.get(plain, plain or f"column_{at + 1}")
        number = 2
        while new.casefold() in taken:
            new, number = f"{column.name}_{number}", number + 1
        taken.add(new.casefold())
        names[column.name] = new
    renamed = {old: new for old, new in names.items() if old != new}
    if not renamed:
        return found, {}
    why = {"row_id": ", for a release gives `row_id` to a column of its own"}
    notes = tuple(f"column `{old}` is called `{new}` here{why.get(old.strip(), '')}" for old, new in renamed.items())
    changed = replace(
        found,
        columns=tuple(replace(c, name=names[c.name]) for c in found.columns),
        keys=tuple(names[key] for key in found.keys),
        label=names[found.label] if found.label else None,
        text=names[found.text] if found.text else None,
        privacy={names[column]: kinds for column, kinds in found.privacy.items()},
        notes=(*found.notes, *notes),
    )
    return changed, renamed


def files_options(project: Project, found: Discovery, place: Path) -> dict[str, Any]:
    """The options of the connector `files` for material at `place`.

    Raises:
        SourceError: nothing in it can be collected.
    """
    look = found.described
    if look is None:
        types = ", ".join(group.type for group in found.groups)
        raise SourceError(
            f"{found.path} is {types}: no source can be written for it", fix=f"convert it to one of the formats of {page('collecting.md')}"
        )
    path = relative(project.root, place)
    if found.pattern:
        path = f"{escape(path) if has_magic(found.pattern) else path}/{found.pattern}"
    options: dict[str, Any] = {"path": path}
    options |= {"members": found.members} if found.members not in (None, "*") else {}
    several = place.is_dir() or found.members is not None
    options |= reading_options(look, look.file.name if several else path)
    if any(_format_of(name) != look.format for name in found.names):
        options["format"] = look.format
    if several and look.format in ("document", "image", "audio", "video"):
        options["name_as"] = "file"
        if look.format in ("image", "audio") and _is_by_class(found.names, look.file.suffix):
            options["folder_as"] = "label"
    return options


def with_file_columns(found: Discovery, options: Mapping[str, Any]) -> Discovery:
    """A discovery with the columns that the options give each file: its name, and that of its folder."""
    look, columns = found.described, list(found.columns)
    if "name_as" in options:
        file = described(pl.Series("file", ["a", "b"]), Column(type="string"))
        columns.append(replace(file, role="key", examples=(), note="the name of the file"))
    if "folder_as" in options and look is not None:
        folders = [(Path(found.path) / name).parent.name for name in found.names]
        columns.append(replace(described(pl.Series("label", folders), Column(type="string")), note="the name of the file's folder"))
    return replace(found, columns=tuple(columns))


def _format_of(name: str) -> str:
    try:
        return by_extension(name)
    except SourceError:
        return ""


def _is_by_class(names: Sequence[str], ending: str) -> bool:
    """Whether a folder holds a folder a class: each has several files, and there are few of them."""
    folders = [parent for name in names if name.endswith(ending) and (parent := str(PurePosixPath(name).parent)) != "."]
    return len(set(folders)) >= 2 and len(folders) >= 2 * len(set(folders))


def relative(root: Path, place: Path) -> str:
    """The path of a place from the folder of the factory, which may be moved with what lies in it."""
    return Path(os.path.relpath(place.resolve(), root.resolve())).as_posix()


def reading_options(look: Look, path: str) -> dict[str, Any]:
    """The reading options that the name of the file does not give."""
    name = look.file.name if path.endswith(look.file.suffix) or Path(path).suffix == "" else path
    options: dict[str, Any] = {} if _format_of(name) == look.format else {"format": look.format}
    if look.encoding is not None and look.encoding.declared is not None:
        options["encoding"] = look.encoding.declared
    if look.record is not None:
        options["record"] = look.record
    if look.sheet is not None:
        options |= {} if look.sheet.only else {"sheet": look.sheet.name}
        options |= {} if look.sheet.header else {"header": False}
        options |= {"skip_before_header": look.sheet.skip_before_header} if look.sheet.skip_before_header else {}
    layout = look.layout
    if layout is not None and layout.structure == "csv":
        options |= {"separator": layout.separator} if layout.separator != usual_separator(name) else {}
        options |= {"quote": layout.quote} if layout.quote != '"' else {}
        options |= {} if layout.header else {"header": False}
        options |= {"skip_before_header": layout.skip_before_header} if layout.skip_before_header else {}
        options |= {"skip_after_header": layout.skip_after_header} if layout.skip_after_header else {}
    return options
