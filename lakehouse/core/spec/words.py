"""Words that declarations share: names, owners, privacy classes, sensitivity, and a function called with parameters."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from lakehouse.core.spec.column_type import parsed

NAME = re.compile(r"^[a-z][a-z0-9_]{0,62}$")
PII = ("email", "phone", "url", "ip", "cn_id", "national_id", "bank_card")
"""Privacy classes that the word `pii` covers. Others are declared by their own word: `name`, or `cn_uscc`, `iban` and `key`, which
`redact` finds as well."""


def _name(value: str) -> str:
    if not NAME.match(value):
        raise ValueError("a name is lower-case letters, digits and `_`, starting with a letter")
    return value


def _owner(value: str) -> str:
    if not re.match(r"^(team:[A-Za-z0-9_.-]+|[^@\s]+@[^@\s]+)$", value):
        raise ValueError("an owner is `team:NAME` or an e-mail address")
    return value


Name = Annotated[str, AfterValidator(_name)]
Owner = Annotated[str, AfterValidator(_owner)]
Level = Literal["general", "important", "core"]
LEVELS: tuple[Level, ...] = ("general", "important", "core")
"""Sensitivity, lowest first: 一般, 重要, 核心, in the form of GB/T 43697-2024."""


def _column_type(value: str) -> str:
    parsed(value)
    return value


ColumnType = Annotated[str, AfterValidator(_column_type)]
"""A type as `column_type` reads it."""


class Model(BaseModel):
    """Base of all declarations."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, str_strip_whitespace=False)


class Call(Model):
    """A named function with its parameters, written `{name: {parameter: value}}` or just `name`."""

    name: str
    params: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _from_mapping(cls, value: Any) -> Any:
        if isinstance(value, str):
            return {"name": value, "params": {}}
        if isinstance(value, dict) and len(value) == 1:
            name, params = next(iter(value.items()))
            if params is None or isinstance(params, dict):
                return {"name": name, "params": params or {}}
        raise ValueError("write it as `name: {parameter: value}`")


def expand_privacy(classes: list[str]) -> frozenset[str]:
    """Privacy classes with `pii` spelled out."""
    return frozenset(c for given in classes for c in (PII if given == "pii" else (given,)))
