"""Who may read what: `assets/access.yaml`, strict; what it does not allow is refused.

A role is what its principals may do: for which purposes, up to which sensitivity, and by which grants. The first grant in the order of the
file that fits a read decides it whole: grants do not add up, so that no two of them together show what neither does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Literal

from pydantic import Field, model_validator

from lakehouse.core.errors import SpecError
from lakehouse.core.project import Project
from lakehouse.core.spec import Level, Model, Name, yamlfile
from lakehouse.core.text.private_data import Kind

FILE = "assets/access.yaml"
Operator = Literal["==", "!=", "<", "<=", ">", ">=", "in", "not in"]
Value = str | int | float | bool
_HOWS = ("hide", "null", "last4", "hash")


class Filter(Model):
    """A comparison that a row has to meet: `{column: label, op: "==", value: positive}`. A null meets none."""

    column: str
    op: Operator = "=="
    value: Value | list[Value]

    @model_validator(mode="after")
    def _check(self) -> Filter:
        if isinstance(self.value, list) != (self.op in ("in", "not in")):
            raise ValueError("`in` and `not in` take a list of values, other comparisons one value")
        return self


class Mask(Model):
    """What a reader sees of a column: `hide`, `null`, `last4`, `hash`, or `{redact: [email, phone]}`."""

    how: Literal["hide", "null", "last4", "hash", "redact"]
    kinds: list[Kind] = Field(default_factory=list)

    @model_validator(mode="before")
    @classmethod
    def _from_word(cls, given: Any) -> Any:
        if isinstance(given, str) and given in _HOWS:
            return {"how": given}
        if isinstance(given, dict) and list(given) == ["redact"] and given["redact"]:
            return {"how": "redact", "kinds": given["redact"]}
        raise ValueError(f"a mask is one of {', '.join(_HOWS)}, or `{{redact: [email, phone]}}`")


class Grant(Model):
    """Tables that a role may read, and what of them."""

    table: str = Field(pattern=r"^(bronze|silver|gold|system)/[a-z0-9_*?]+$", description="A table, or a pattern: `bronze/*`.")
    columns: list[str] | None = Field(default=None, min_length=1, description="Without it, the table's own columns; none of the system's.")
    rows: list[Filter] = Field(default_factory=list, description="Only rows that meet all of these.")
    masks: dict[str, Mask] = Field(default_factory=dict)


class Role(Model):
    """What its principals may read, and what for."""

    principals: list[str] = Field(min_length=1)
    purposes: list[str] = Field(min_length=1)
    ceiling: Level = Field(default="general", description="Columns that are more sensitive are not shown.")
    read: list[Grant] = Field(min_length=1)


class Policy(Model):
    """`assets/access.yaml`: the purposes there are, in words, and the roles."""

    purposes: dict[Name, str] = Field(min_length=1)
    roles: dict[Name, Role] = Field(min_length=1)


@dataclass(frozen=True)
class Allowed:
    """The grant under which a read is allowed, and the role it belongs to."""

    role: str
    ceiling: Level
    grant: Grant


def load(project: Project) -> Policy | None:
    """The policy of a project, or None where it has none and nobody may read.

    Raises:
        SpecError: the first mistake, with file and line.
    """
    file = project.root / FILE
    if not file.exists():
        return None
    document = yamlfile.read(file, FILE)
    policy = yamlfile.validate(document, Policy)
    for name, role in policy.roles.items():
        for index, purpose in enumerate(role.purposes):
            if purpose not in policy.purposes:
                where = document.where(("roles", name, "purposes", index))
                raise SpecError(f"no purpose `{purpose}`", where=where, fix=yamlfile.suggest(purpose, policy.purposes))
    return policy


def decide(policy: Policy | None, principal: str, purpose: str, table: str, columns: Sequence[str] | None) -> Allowed | str:
    """The grant that allows a read, or why none does.

    Args:
        columns: those that are asked for, or None for all that the grant shows.
    """
    if policy is None:
        return f"there is no {FILE}, so nobody may read"
    roles = {name: role for name, role in policy.roles.items() if principal in role.principals}
    if not roles:
        return "no role names this principal"
    fitting = [(name, role, grant) for name, role in roles.items() for grant in role.read if fnmatchcase(table, grant.table)]
    if not fitting:
        return f"no grant of {', '.join(roles)} covers this table"
    meant = [each for each in fitting if purpose in each[1].purposes]
    if not meant:
        allowed = sorted({word for _, role, _ in fitting for word in role.purposes})
        return f"it may be read for {', '.join(allowed)}"
    for name, role, grant in meant:
        hidden = {column for column, mask in grant.masks.items() if mask.how == "hide"}
        if all(column not in hidden and (grant.columns is None or column in grant.columns) for column in columns or ()):
            return Allowed(name, role.ceiling, grant)
    return f"no grant of {', '.join(dict.fromkeys(name for name, *_ in meant))} shows all of {', '.join(columns or ())}"
