"""The first source file for discovered material, and a converted copy where the collector could not read the original."""

from __future__ import annotations

import codecs
import json
import re
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from lakehouse.core.errors import SourceError, SpecError
from lakehouse.core.project import Project
from lakehouse.core.spec import NAME
from lakehouse.reserve.discovery.discover import Discovery
from lakehouse.reserve.discovery.file_type import Look
from lakehouse.reserve.discovery.sampling import objects
from lakehouse.reserve.formats import by_extension, usual_separator
from lakehouse.reserve.formats.compression import damage_named, decompressed

_DECLARABLE = ("string", "int", "float", "bool", "binary", "json")
_BLOCK = 1024 * 1024
_COPIES = {"csv": "csv", "lines": "txt", "text": "md"}


@dataclass(frozen=True)
class WrittenSource:
    """The written source: its name, its file, and the converted copy if one was needed."""

    source: str
    file: Path
    copy: Path | None


def write_source(project: Project, found: Discovery, name: str | None = None) -> WrittenSource:
    """Write `assets/sources/NAME.yaml`; the original stays as it is.

    Raises:
        SourceError: it holds nothing that can be collected, or does not decode. SpecError: the name is taken or none.
    """
    if found.described is None:
        types = ", ".join(group.type for group in found.groups)
        raise SourceError(
            f"{found.path} is {types}: no source can be written for it", fix="convert it to one of the formats of docs/collecting.md"
        )
    path = Path(found.path).resolve()
    name = name or _name_of(path)
    if not NAME.match(name):
        raise SpecError(f"`{name}` is no name for a source", fix="lower-case letters, digits and `_`, starting with a letter: --name NAME")
    file = project.root / "assets" / "sources" / f"{name}.yaml"
    if file.exists() or file.with_suffix(".yml").exists():
        raise SpecError(f"assets/sources/{file.name} exists", fix="give another name: --name NAME")
    copy = _converted(project, found.described, path, name) if found.described.needs_conversion else None
    spec = _spec(project, found, name, copy or path)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(yaml.safe_dump(spec, sort_keys=False, allow_unicode=True, default_flow_style=None, width=120), encoding="utf-8")
    try:
        project.load(file)
    except SpecError:
        file.unlink()
        raise
    return WrittenSource(name, file, copy)


def _name_of(path: Path) -> str:
    name = re.sub(r"\W+", "_", path.name.split(".")[0].lower(), flags=re.ASCII).strip("_")
    return f"{name}_raw" if name and name[0].isalpha() else "discovered_raw"


def _spec(project: Project, found: Discovery, name: str, place: Path) -> dict[str, Any]:
    assert found.described is not None
    renamed = _renamed([column.name for column in found.columns])
    connector: dict[str, Any] = {"path": _path(project, found.described, place)}
    connector |= _options(found.described, connector["path"])
    if renamed:
        connector["rename"] = renamed
    spec: dict[str, Any] = {
        "source": name,
        "description": f"{Path(found.path).name} as it was received.",
        "owner": "team:data",
        "license": "proprietary",
        "connector": {"files": connector},
        "key": "position",
    }
    if all(column.type in _DECLARABLE for column in found.columns):
        spec["columns"] = {renamed.get(column.name, column.name): column.type for column in found.columns}
        strings = [key for key in found.keys if found.whole and not found.findings]
        if strings:
            spec["key"] = [renamed.get(strings[0], strings[0])]
    if found.privacy:
        spec["privacy"] = {renamed.get(column, column): kinds for column, kinds in found.privacy.items()}
    return spec


def _renamed(names: list[str]) -> dict[str, str]:
    """New names of columns whose own belong to the system or are empty."""
    out: dict[str, str] = {}
    for at, name in enumerate(names):
        if not name or name.startswith("_"):
            new = name.lstrip("_") or f"column_{at + 1}"
            out[name] = new if new not in names and new not in out.values() else f"column_{at + 1}"
    return out


def _path(project: Project, described: Look, place: Path) -> str:
    shown = place.relative_to(project.root).as_posix() if place.is_relative_to(project.root) else place.as_posix()
    if not place.is_dir():
        return shown
    endings = {file.suffix for file in place.rglob("*") if file.is_file()}
    return shown if len(endings) == 1 else f"{shown}/**/*{described.file.suffix}"


def _options(described: Look, path: str) -> dict[str, Any]:
    """The reading options that the name of the file does not give."""
    wanted = described.format
    name = described.file.name if path.endswith(described.file.suffix) or Path(path).suffix == "" else path
    try:
        by_name = by_extension(name)
    except SourceError:
        by_name = ""
    options: dict[str, Any] = {} if by_name == wanted else {"format": wanted}
    if described.record is not None:
        options["record"] = described.record
    layout = described.layout
    if layout is not None and layout.structure == "csv":
        if layout.separator != usual_separator(name):
            options["separator"] = layout.separator
        if layout.quote is None:
            options["quote"] = None
        if not layout.header:
            options["header"] = False
        if layout.skip_after_header:
            options["skip_after_header"] = layout.skip_after_header
    return options


def _converted(project: Project, described: Look, path: Path, name: str) -> Path:
    """A copy in UTF-8, JSON one object a line, in data/; written beside and moved into place when whole.

    Raises:
        SourceError: bytes that are not of the encoding, or a folder.
    """
    assert described.encoding is not None
    assert described.layout is not None
    if path.is_dir():
        raise SourceError(f"the files of {path.name} need a conversion ({described.encoding.name})", fix="discover them one by one")
    ending = _COPIES.get(described.layout.structure, "jsonl")
    if ending == "csv" and described.layout.separator == "\t":
        ending = "tsv"
    target = project.root / "data" / f"{name}.{ending}"
    if target.exists():
        raise SourceError(f"data/{target.name} exists", fix="give another name: --name NAME")
    target.parent.mkdir(exist_ok=True)
    part = target.with_name(f".{target.name}.part")
    try:
        with damage_named(str(path)), path.open("rb") as below, closing(decompressed(below, path.name)) as handle, part.open("wb") as out:
            if described.layout.structure == "json_array":
                for item in objects(handle, described.encoding, "strict"):
                    out.write(json.dumps(item, ensure_ascii=False).encode() + b"\n")
            else:
                decoder = codecs.getincrementaldecoder(described.encoding.name)("strict")
                while block := handle.read(_BLOCK):
                    out.write(decoder.decode(block).encode())
                out.write(decoder.decode(b"", final=True).encode())
        part.replace(target)
    except UnicodeError as error:
        raise SourceError(
            f"is not {described.encoding.name} throughout: {str(error).splitlines()[0][:120]}",
            where=str(path),
            fix="convert it by hand, e.g. with iconv -c, and discover the copy",
        ) from error
    finally:
        part.unlink(missing_ok=True)
    return target
