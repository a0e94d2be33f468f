"""Read a YAML file into a strict model; every mistake becomes one message with file, line, what is wrong, what was meant."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from lakehouse.core.errors import SpecError

Loc = tuple[str | int, ...]
M = TypeVar("M", bound=BaseModel)


class _Loader(yaml.SafeLoader):
    """Safe YAML without date objects (a date stays the text that was written) and without duplicate keys."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, regexp) for tag, regexp in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


@dataclass(frozen=True)
class Document:
    """Parsed YAML with the line of every key and item.

    Attributes:
        path: the file, as shown to the user.
        data: plain Python data.
        lines: line (from 1) by location, e.g. ("recipe", 2, "redact", "kinds").
        raw: the text as written, by location of every scalar, to show `no` where YAML understood false.
    """

    path: str
    data: Any
    lines: dict[Loc, int] = field(repr=False)
    raw: dict[Loc, str] = field(repr=False)

    def where(self, loc: Iterable[str | int] = ()) -> str:
        """`file:line` of the nearest known location at or above `loc`."""
        key = tuple(loc)
        while key and key not in self.lines:
            key = key[:-1]
        return f"{self.path}:{self.lines.get(key, 1)}"


def read(path: Path, shown: str | None = None) -> Document:
    """Parse `path`.

    Raises:
        SpecError: unreadable file, broken YAML, a key given twice, or no mapping at the top.
    """
    name = shown or str(path)
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise SpecError("the file is not UTF-8 text", where=name, fix="save it as UTF-8") from error
    except OSError as error:
        raise SpecError(f"cannot be read: {error.strerror}", where=name) from error
    lines: dict[Loc, int] = {}
    raw: dict[Loc, str] = {}
    try:
        node = yaml.compose(text, Loader=_Loader)
        if node is not None:
            _walk(node, (), lines, raw, name)
        data = yaml.load(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        line = mark.line + 1 if mark else 1
        raise SpecError(f"not valid YAML: {error.problem}", where=f"{name}:{line}", fix="check indentation, quotes and brackets") from error
    except yaml.YAMLError as error:
        raise SpecError(f"not valid YAML: {error}", where=name) from error
    if not isinstance(data, dict):
        raise SpecError(
            "the file must hold a mapping of keys to values", where=f"{name}:1", fix="start it with `dataset: NAME` or `source: NAME`"
        )
    return Document(name, data, lines, raw)


def _walk(node: yaml.Node, loc: Loc, lines: dict[Loc, int], raw: dict[Loc, str], name: str) -> None:
    lines.setdefault(loc, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            child = (*loc, str(key.value))
            if child in lines:
                raise SpecError(f"key `{key.value}` is given twice", where=f"{name}:{key.start_mark.line + 1}", fix="keep one of them")
            lines[child] = key.start_mark.line + 1
            _walk(value, child, lines, raw, name)
    elif isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            _walk(item, (*loc, index), lines, raw, name)
    elif isinstance(node, yaml.ScalarNode):
        raw[loc] = node.value


def validate(document: Document, model: type[M], data: Any = None, at: Loc = ()) -> M:
    """Validate `data` (default: the whole document) against `model`; `at` is the place of `data` in the document.

    Raises:
        SpecError: the first mistake, with line and suggestion; further mistakes are listed under it.
    """
    value = document.data if data is None else data
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError) as error:
        # A tag such as !!binary or !!set, `.nan`, or an alias that holds itself.
        raise SpecError(f"holds a value that is no text, number, list or mapping: {error}", where=document.where(at)) from error
    try:
        return model.model_validate_json(text)
    except ValidationError as error:
        mistakes = [_explain(document, model, e, at) for e in _without_misspelt([dict(e) for e in error.errors()])]
    first, *others = sorted(mistakes, key=lambda m: int(m.where.rpartition(":")[2]) if m.where else 0)
    if others:
        listed = "\n".join(f"  also {m.where}: {m.what}" for m in others)
        raise SpecError(first.what, where=first.where, fix=f"{first.fix or 'correct the value'}\n{listed}")
    raise first


def _without_misspelt(errors: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The errors without keys that are missing only because they are misspelt, which the unknown key shows already."""
    unknown = [e["loc"] for e in errors if e["type"] == "extra_forbidden"]

    def misspelt(loc: Loc) -> bool:
        near = [str(key) for *parent, key in unknown if tuple(parent) == loc[:-1]]
        return any(difflib.get_close_matches(key, [str(loc[-1])], cutoff=0.6) for key in near)

    return [e for e in errors if not (e["type"] == "missing" and misspelt(e["loc"]))]


def _explain(document: Document, model: type[BaseModel], error: dict[str, Any], at: Loc) -> SpecError:
    loc: Loc = (*at, *error["loc"])
    key, kind, given = str(loc[-1]) if loc else "", error["type"], error.get("input")
    where = document.where(loc)
    if kind == "extra_forbidden":
        return SpecError(f"unknown key `{key}`", where=where, fix=suggest(key, _fields(model, error["loc"][:-1])))
    if kind == "missing":
        return SpecError(f"`{key}` is missing", where=document.where(loc[:-1]), fix=f"add `{key}: ...`")
    if isinstance(given, bool) and loc in document.raw and kind != "bool_type":
        word = document.raw[loc]
        return SpecError(
            f"`{word}` is read by YAML as {str(given).lower()}, not as text, in `{dotted(loc)}`",
            where=where,
            fix=f'put it in quotes: "{word}"',
        )
    message = error["msg"].removeprefix("Value error, ")
    shown = json.dumps(given, ensure_ascii=False, default=str)
    shown = shown if len(shown) <= 80 else shown[:77] + "..."
    got = "" if kind == "value_error" else f", got {shown}"
    quoted = kind == "string_type" and loc in document.raw
    return SpecError(f"`{dotted(loc)}`: {message}{got}", where=where, fix=f'put it in quotes: "{document.raw[loc]}"' if quoted else None)


def dotted(loc: Iterable[str | int]) -> str:
    """A location as people write it: `recipe[2].redact.kinds`."""
    text = ""
    for part in loc:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def suggest(given: str, known: Iterable[str]) -> str:
    """`did you mean ...?` or the list of what is known."""
    names = sorted(known)
    near = difflib.get_close_matches(given, names, n=1, cutoff=0.6)
    if near:
        return f"did you mean `{near[0]}`?"
    return f"known: {', '.join(names)}" if names else "remove it"


def _fields(model: type[BaseModel], loc: Loc) -> list[str]:
    """The field names of the model at `loc` below `model`."""
    current: Any = model
    for part in loc:
        if isinstance(part, int):
            continue
        info = current.model_fields.get(part) if isinstance(current, type) and issubclass(current, BaseModel) else None
        found = list(_models(info.annotation)) if info is not None else []
        if not found:
            return []
        current = found[0]
    return list(current.model_fields) if isinstance(current, type) and issubclass(current, BaseModel) else []


def _models(annotation: Any) -> Iterable[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in getattr(annotation, "__args__", ()):
        yield from _models(inner)
