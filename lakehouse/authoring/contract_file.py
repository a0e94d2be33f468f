"""The contract of a dataset, from its discovery: types, ranges and codes as they were measured."""

from __future__ import annotations

import keyword
import math
import re
from collections.abc import Sequence

import polars as pl

from lakehouse.authoring.choices import CATEGORIES, Choices
from lakehouse.core.spec.column_type import made
from lakehouse.reserve.discovery.columns import ColumnProfile

_PLAIN: dict[type[pl.DataType], str] = {pl.String: "str", pl.Int64: "int", pl.Float64: "float", pl.Boolean: "bool"}
_RESERVED = ("Config", "validate", "to_schema", "example", "strategy", "empty", "get_metadata", "pydantic_validate", "to_json_schema")


def contract_text(title: str, name: str, columns: Sequence[ColumnProfile], choices: Choices, *, whole: bool) -> str:
    """The text of a contract file.

    Args:
        title: of the class.
        whole: the discovery read everything, so that what it measured holds for all rows; a sample promises neither codes nor ranges.
    """
    lines, used = [], set[str]()
    for number, column in enumerate(columns, 1):
        attribute = _attribute(column.name, number, used)
        rules = [f"alias={column.name!r}"] if attribute != column.name else []
        rules += _rules(column, choices, whole=whole)
        lines.append(f"    {attribute}: {annotation(column.form.dtype)} = pa.Field({', '.join(rules)})")
    polars = "import polars as pl\n" if any("pl." in line.partition(" = ")[0] for line in lines) else ""
    measured = "Ranges and codes are those of all rows." if whole else "They were sampled; promise ranges and codes where you know them."
    return (
        f'"""What a row of {name} promises. {measured}"""\n\nimport pandera.polars as pa\n{polars}\n\n'
        f'class {title}(pa.DataFrameModel):\n    """A row of {name}."""\n\n' + "\n".join(lines) + "\n"
    )


def annotation(dtype: pl.DataType) -> str:
    """A type as a contract writes it."""
    if type(dtype) in _PLAIN:
        return _PLAIN[type(dtype)]
    if isinstance(dtype, pl.List):
        return f"pl.List({_inner(made(dtype.inner))})"
    if isinstance(dtype, pl.Struct):
        return "pl.Struct({" + ", ".join(f"{f.name!r}: {_inner(made(f.dtype))}" for f in dtype.fields) + "})"
    return _inner(dtype)


def _inner(dtype: pl.DataType) -> str:
    if isinstance(dtype, pl.List | pl.Struct):
        return annotation(dtype)
    if isinstance(dtype, pl.Datetime):
        return f'pl.Datetime("us", {dtype.time_zone!r})' if dtype.time_zone else 'pl.Datetime("us")'
    if isinstance(dtype, pl.Decimal):
        return f"pl.Decimal({dtype.precision}, {dtype.scale})"
    return f"pl.{type(dtype).__name__}"


def _attribute(name: str, number: int, used: set[str]) -> str:
    """A name that Python takes for the attribute of a column."""
    plain = name if name.isidentifier() and name.isascii() else re.sub(r"\W+", "_", name, flags=re.ASCII).strip("_").lower()
    if not plain.isidentifier() or keyword.iskeyword(plain) or plain in _RESERVED or plain in used or plain.startswith("_"):
        plain = f"column_{number}"
    used.add(plain)
    return plain


def _rules(column: ColumnProfile, choices: Choices, *, whole: bool) -> list[str]:
    rules = []
    dtype = column.form.dtype
    is_text = column.name in choices.texts[:1]
    if is_text and dtype == pl.String and column.nulls == 0:
        rules.append('str_length={"min_value": 1}')
    elif whole and column.values and dtype != pl.Boolean and len(column.values) <= CATEGORIES and column.role == "label":
        rules.append(f"isin={_codes(column)}")
    elif whole and column.least is not None and dtype.is_numeric() and not isinstance(dtype, pl.Decimal):
        bounds = {"ge": column.least, "le": str(column.most)}
        rules += [f"{rule}={bound}" for rule, bound in bounds.items() if math.isfinite(float(bound))]
    if column.nulls > 0 or (not whole and not is_text and column.role != "key" and column.name != choices.label):
        rules.append("nullable=True")
    return rules


def _codes(column: ColumnProfile) -> str:
    values = sorted(column.values)
    if column.form.dtype.is_integer():
        return repr(sorted(int(value) for value in values))
    return repr(values)
