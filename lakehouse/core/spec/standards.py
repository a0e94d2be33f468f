"""Data standards: `assets/standards/*.yaml`, fields that contracts promise and columns of sources are, defined once.

A contract takes a field by `sentiment: str = field("sentiment")`: its codes or pattern are checked, its meaning is the description, and
its definition is part of the contract's identity, words left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import Field, model_validator

from lakehouse.core.errors import NotFoundError, SpecError
from lakehouse.core.spec import ColumnType, Level, Model, Name, yamlfile

_ROOT: ContextVar[Path | None] = ContextVar("root", default=None)


class Standard(Model):
    """A field of the dictionary: what a column of this name means, everywhere."""

    meaning: str = Field(description="What the field means, in English.")
    meaning_zh: str = Field(description="The same in Chinese.")
    type: ColumnType = Field(description="Its type, as a column of a source has one.")
    unit: str | None = Field(default=None, description="Unit of its numbers.")
    codes: dict[str, str] | None = Field(default=None, description="The values it may have, each with its meaning.")
    pattern: str | None = Field(default=None, description="A regular expression that a value has to match.")
    category: str | None = Field(default=None, description="The class of data it belongs to, such as `customer/feedback`.")
    sensitivity: Level = Field(default="general", description="How sensitive a column of this field is.")
    privacy: list[str] = Field(default_factory=list, description="Privacy classes it may hold.")

    @model_validator(mode="after")
    def _check(self) -> Standard:
        if self.codes is not None and self.pattern is not None:
            raise ValueError("either `codes` or `pattern`")
        if (self.pattern and self.type != "string") or (self.codes and self.type not in ("string", "int")):
            raise ValueError(f"a field of type {self.type} has no {'pattern' if self.pattern else 'codes'}")
        if self.type == "int" and not all(code.lstrip("-").isdecimal() for code in self.codes or ()):
            raise ValueError("codes of a field of type int are whole numbers")
        return self

    @property
    def values(self) -> list[Any] | None:
        """Its codes as values of its type."""
        return None if self.codes is None else [int(code) if self.type == "int" else code for code in self.codes]


class StandardFile(Model):
    """`assets/standards/<standard>.yaml`: fields that belong together."""

    standard: Name = Field(description="Name of the group of fields.")
    owner: str | None = Field(default=None, description="Who answers for their meaning.")
    fields: dict[Name, Standard] = Field(min_length=1, description="The fields by name.")


@dataclass(frozen=True)
class FieldDefinition:
    """A field with the file that defines it, and the line."""

    name: str
    field: Standard
    standard: str
    owner: str | None
    where: str


def load(root: Path) -> dict[str, FieldDefinition]:
    """All fields of a project by name.

    Raises:
        SpecError: the first mistake, or a field that two files define.
    """
    found: dict[str, FieldDefinition] = {}
    folder = root / "assets" / "standards"
    for file in sorted([*folder.glob("*.yaml"), *folder.glob("*.yml")]):
        document = yamlfile.read(file, str(file.relative_to(root)))
        made = yamlfile.validate(document, StandardFile)
        for name, standard in made.fields.items():
            where = document.where(("fields", name))
            if name in found:
                raise SpecError(
                    f"field `{name}` is defined twice", where=where, fix=f"keep one of them; the other is at {found[name].where}"
                )
            found[name] = FieldDefinition(name, standard, made.standard, made.owner, where)
    return found


def find(root: Path, name: str) -> Standard:
    """The field `name`.

    Raises:
        NotFoundError: with the nearest known name.
    """
    known = load(root)
    if name not in known:
        fix = yamlfile.suggest(name, known) if known else "define it in assets/standards/NAME.yaml"
        raise NotFoundError(f"no field `{name}` in assets/standards", fix=fix)
    return known[name].field


@contextmanager
def of_project(root: Path) -> Iterator[None]:
    """For the block, `field` speaks of the standards of the project at `root`."""
    token = _ROOT.set(root)
    try:
        yield
    finally:
        _ROOT.reset(token)


def standard_field(name: str, **more: Any) -> Any:
    """A Pandera field for a contract's column that is the standard field `name`.

    Args:
        more: what the contract promises beyond it, such as `nullable=True`; as `pandera.polars.Field` takes it.

    Raises:
        NotFoundError: no standard defines it.
    """
    import pandera.polars as pa

    standard = find(_ROOT.get() or Path.cwd(), name)
    identity = {"name": name, **standard.model_dump(include={"type", "unit", "pattern"}), "codes": sorted(standard.codes or ())}
    given: dict[str, Any] = {"description": f"{standard.meaning} {standard.meaning_zh}", "metadata": {"standard": identity}}
    if standard.values is not None:
        given["isin"] = standard.values
    if standard.pattern is not None:
        given["str_matches"] = standard.pattern
    return pa.Field(**given | more)
