"""The page of keys, written from the models that declarations are read with."""

from __future__ import annotations

import re
import typing
from collections.abc import Iterator
from enum import Enum
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from lakehouse.core.project import Settings
from lakehouse.core.spec import Call, Dataset, Source, words
from lakehouse.core.spec.standards import StandardFile

_INTRO = """# Keys

Every key of a declaration, with its type, its default and its meaning. No other key is taken: `lakehouse check` names one that is wrong,
with file and line.
A *name* is lower-case letters, digits and `_`, starting with a letter. A *call* is `function: {parameter: value}`, or the function alone.
The types of `columns` stand under [types of columns](first-contact.md#types-of-columns).
This page is written from the code (`python docs/generate.py`).
"""
_FILES: tuple[tuple[str, str, type[BaseModel]], ...] = (
    ("Source", "assets/sources/NAME.yaml", Source),
    ("Dataset", "assets/datasets/NAME.yaml", Dataset),
    ("Settings", "lakehouse.yaml", Settings),
    ("Standards", "assets/standards/NAME.yaml", StandardFile),
)
_PLAIN = {str: "text", int: "int", float: "number", bool: "`true`, `false`", Any: "any value", object: "any value"}
_MARKED: tuple[tuple[Any, str], ...] = (
    (words.Name, "name"),
    (words.Owner, "owner"),
    (words.ColumnType, "type"),
)
"""Annotated texts that have a word of their own."""


def keys_page() -> str:
    """The text of docs/keys.md."""
    return "\n".join([_INTRO, *(_file(*each) for each in _FILES)])


def _file(title: str, file: str, model: type[BaseModel]) -> str:
    """A file: its own keys, then those of each mapping inside, once each."""
    parts = [f"## {title}: `{file}`\n\n{_table(model)}"]
    for at, inner in _inside(model, "", set()):
        parts.append(f"### `{at}`\n\n{_about(inner)}\n\n{_table(inner)}")
    return "\n".join(parts)


def _inside(model: type[BaseModel], at: str, seen: set[type[BaseModel]]) -> Iterator[tuple[str, type[BaseModel]]]:
    for name, field in model.model_fields.items():
        place = f"{at}{field.alias or name}"
        for inner, suffix in _models(field.annotation):
            if inner not in seen:
                seen.add(inner)
                yield f"{place}{suffix}", inner
                yield from _inside(inner, f"{place}{suffix}.", seen)


def _models(kind: Any, suffix: str = "") -> Iterator[tuple[type[BaseModel], str]]:
    """The models in a type, with what leads to them: `[]` an item of a list, `.NAME` a value of a mapping."""
    origin, parts = typing.get_origin(kind), typing.get_args(kind)
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        if kind is not Call:
            yield kind, suffix
    elif origin is list:
        yield from _models(parts[0], f"{suffix}[]")
    elif origin is dict:
        yield from _models(parts[1], f"{suffix}.NAME")
    elif origin is not Literal:
        for part in parts:
            yield from _models(part, suffix)


def _about(model: type[BaseModel]) -> str:
    return " ".join((model.__doc__ or "").split("\n\n")[0].split())


def _table(model: type[BaseModel]) -> str:
    rows = [
        f"| `{field.alias or name}` | {_type(field)} | {_default(field)} | {field.description} |"
        for name, field in model.model_fields.items()
    ]
    return "\n".join(["| key | type | default | meaning |", "| --- | --- | --- | --- |", *rows]) + "\n"


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True, validated_data={})
    if value is None or value is PydanticUndefined:
        return "none"
    if isinstance(value, BaseModel):
        given = value.model_dump(exclude_unset=True)
        return f"`{{{', '.join(f'{key}: {_written(each)}' for key, each in given.items())}}}`" if given else "its defaults"
    return f"`{_written(value)}`"


def _written(value: Any) -> str:
    """A value as YAML has it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return f"[{', '.join(_written(each) for each in value)}]"
    return str(value.value if isinstance(value, Enum) else value)


def _type(field: FieldInfo) -> str:
    bounds = [
        f"{sign} {value:g}"
        for sign, name in ((">=", "ge"), (">", "gt"), ("<=", "le"), ("<", "lt"))
        if (value := _bound(field, name)) is not None
    ]
    marked = next((word for kind, word in _MARKED if list(typing.get_args(kind)[1:]) == field.metadata and field.metadata), None)
    return ", ".join([marked or _kind(field.annotation), *bounds])


def _bound(field: FieldInfo, name: str) -> float | None:
    return next((getattr(each, name) for each in field.metadata if getattr(each, name, None) is not None), None)


def _kind(kind: Any) -> str:
    """A type in words."""
    for annotated, word in _MARKED:
        if kind == annotated:
            return word
    origin, parts = typing.get_origin(kind), typing.get_args(kind)
    if origin is Annotated:
        return _kind(parts[0])
    if origin in (Union, UnionType):
        return " or ".join(_kind(part) for part in parts if part is not NoneType)
    if origin is Literal:
        return ", ".join(f"`{value}`" for value in parts)
    if origin is list:
        return f"list of {_kind(parts[0])}"
    if origin is dict:
        return f"mapping: {_kind(parts[0])} to {_kind(parts[1])}"
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return "call" if kind is Call else "mapping of keys"
    return _PLAIN[kind] if kind in _PLAIN else re.sub(r"\W+", " ", str(kind))
