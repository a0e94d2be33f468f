"""The contract of a dataset, from its discovery: types, ranges and codes as they were measured."""

from __future__ import annotations

import keyword
import re
from collections.abc import Sequence

import polars as pl

from lakehouse.authoring.choices import CATEGORIES, Choices
from lakehouse.core.spec.column_type import made
from lakehouse.reserve.discovery.columns import ColumnProfile

_PLAIN: dict[type[pl.DataType], str] = {pl.String: "str", pl.Int64: "int", pl.Float64: "float", pl.Boolean: "bool"}
_OF_MODELS = ("build_schema_", "empty", "example", "from_json", "from_yaml", "get_metadata", "pydantic_validate", "strategy", "to_json")
_RESERVED = frozenset({"Config", "validate", "to_schema", "to_yaml", "to_json_schema", *_OF_MODELS, "pa", "pl", *_PLAIN.values()})
"""Names that a Pandera model has itself, and those by which the lines of the file name types."""


def contract_text(
    title: str, name: str, columns: Sequence[ColumnProfile], choices: Choices, *, whole: bool, rows: int | None = None
) -> str:
    """The text of a contract file; every row that was measured keeps it.

    Args:
        title: of the class.
        whole: the discovery read everything, so that what it measured holds for all rows; a sample promises neither codes nor ranges.
        rows: how many rows that were.
    """
    lines, used = [], set[str]()
    for number, column in enumerate(columns, 1):
        attribute = _attribute(column.name, number, used)
        rules = [f"alias={column.name!r}"] if attribute != column.name else []
        rules += _rules(column, choices, whole=whole)
        lines.append(f"    {attribute}: {annotation(column.form.dtype)} = pa.Field({', '.join(rules)}){_remark(column, whole=whole)}")
    polars = "import polars as pl\n" if any("pl." in line.partition(" = ")[0] for line in lines) else ""
    return (
        f'"""What a row of {name} promises."""\n\n{_measured(whole, rows)}\n\nimport pandera.polars as pa\n{polars}\n\n'
        f'class {title}(pa.DataFrameModel):\n    """A row of {name}."""\n\n' + "\n".join(lines) + "\n"
    )


def _measured(whole: bool, rows: int | None) -> str:
    """What ranges and codes were measured on, and what that means for rows that come later."""
    if whole:
        of = "all rows" if rows is None else "the one row" if rows == 1 else f"all {rows:,} rows"
        return f"# Ranges and codes are those of {of} measured: widen them where later ones may differ, for a row beyond is quarantined."
    return "# Only a sample was read, so no range and no code is promised: a later row may go beyond. Add those that you know."


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
    # The recipe takes empty texts out of these kinds; in the others an empty text is a value like any other.
    never_empty = choices.kind in ("text", "documents") or (whole and (column.shortest or 0) > 0)
    if is_text and dtype == pl.String and column.nulls == 0:
        rules += ['str_length={"min_value": 1}'] if never_empty else []
    elif whole and column.values and dtype != pl.Boolean and len(column.values) <= CATEGORIES and column.role == "label":
        rules.append(f"isin={_codes(column)}")
    elif whole and column.least is not None and dtype.is_numeric() and not isinstance(dtype, pl.Decimal):
        rules += [f"ge={column.least}"] if "-inf" not in column.not_finite else []
        rules += [f"le={column.most}"] if not {"inf", "NaN"} & set(column.not_finite) else []
    # Pandera counts NaN as no value where it asks for one.
    if (
        column.nulls > 0
        or "NaN" in column.not_finite
        or (not whole and not is_text and column.role != "key" and column.name != choices.label)
    ):
        rules.append("nullable=True")
    return rules


def _remark(column: ColumnProfile, *, whole: bool) -> str:
    """Why a range is open."""
    if not whole or not column.not_finite:
        return ""
    above = ", and NaN is above every number" if "NaN" in column.not_finite else ""
    return f"  # {' and '.join(column.not_finite)} among the values{above}"


def _codes(column: ColumnProfile) -> str:
    values = sorted(column.values)
    if column.form.dtype.is_integer():
        return repr(sorted(int(value) for value in values))
    return repr(values)
