"""A condition of a factory or its installation, as `lakehouse doctor` reports it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class Condition:
    """One line of the report.

    Attributes:
        part: what it belongs to, the title of its table.
        name: what was looked at.
        state: `missing` is not there, `problem` is there and does not work.
        detail: version, address or cause.
        fix: what to do; None where nothing is.
        needed: whether the factory's own declarations need it.
    """

    part: Literal["Installation", "Factory", "Services"]
    name: str
    state: Literal["ok", "missing", "problem"]
    detail: str
    fix: str | None = None
    needed: bool = False
