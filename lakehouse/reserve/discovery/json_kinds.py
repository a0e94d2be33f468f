"""The types of the columns of JSON lines: one that holds every value, and apart what JSON keeps apart."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from dataclasses import dataclass, field

_INT64 = 2**63
_DIGITS = 38
"""Most digits of a decimal number that Delta keeps."""
_NUMBERS = {"int": 1, "decimal(38, 0)": 1, "float": 1}


@dataclass
class JsonKinds:
    """What was seen in a sample of JSON lines.

    Attributes:
        kinds: type by column, by the words of a declaration; `null`: no value was seen.
        repeated: objects that have a key twice.
    """

    kinds: dict[str, str] = field(default_factory=dict)
    repeated: int = 0


def json_kinds(lines: Iterable[bytes]) -> JsonKinds:
    """The columns of objects, one a line; a line that holds none is passed over."""
    found = JsonKinds()
    twice: list[int] = []

    def noted(pairs: list[tuple[str, object]]) -> dict[str, object]:
        made = dict(pairs)
        if len(made) < len(pairs):
            twice.append(1)
        return made

    decoder = json.JSONDecoder(object_pairs_hook=noted, parse_float=_real)
    for line in lines:
        twice.clear()
        try:
            value = decoder.decode(line.decode())
        except (ValueError, RecursionError):
            continue
        if not isinstance(value, dict):
            continue
        found.repeated += bool(twice)
        for name, each in value.items():
            found.kinds[name] = together(found.kinds.get(name, "null"), _kind(each))
    return found


def together(first: str, second: str) -> str:
    """The type that holds the values of two: whole numbers are numbers, any other mixture is JSON."""
    pair = {first, second} - {"null"}
    if len(pair) <= 1:
        return next(iter(pair), "null")
    if pair == {"int", "float"}:
        return "float"
    return "decimal(38, 0)" if pair == {"int", "decimal(38, 0)"} else "json"


class _Beyond(float):
    """A number too large for a float of 64 bits."""


def _real(text: str) -> float:
    value = float(text)
    return value if math.isfinite(value) else _Beyond(value)


def _kind(value: object) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "null"
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int):
        return "int" if -_INT64 <= value < _INT64 else "decimal(38, 0)" if abs(value) < 10**_DIGITS else "json"
    if isinstance(value, float):
        return "json" if isinstance(value, _Beyond) else "float"
    return "string" if isinstance(value, str) else "json"
