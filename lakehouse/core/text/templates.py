"""A text with places for a row's values: `{column}` is the value of that column, `{{` and `}}` are braces."""

from __future__ import annotations

import re

import polars as pl

from lakehouse.core.errors import RecipeError

_PIECE = re.compile(r"\{\{|\}\}|\{[^{}]*\}|[{}]|[^{}]+")


def filled(template: str) -> pl.Expr:
    """The text of each row: numbers, dates and truth values as Polars writes them; null where a value is.

    Raises:
        RecipeError: a brace that opens or closes nothing, or a place without a column's name.
    """
    parts: list[pl.Expr] = []
    literal = ""
    for piece in _PIECE.findall(template):
        if piece in ("{{", "}}"):
            literal += piece[0]
        elif piece[0] not in "{}":
            literal += piece
        else:
            parts += [pl.lit(literal), pl.col(_column(piece, template)).cast(pl.String)]
            literal = ""
    return pl.concat_str([*parts, pl.lit(literal)])


def _column(piece: str, template: str) -> str:
    name, where = piece[1:-1], f"`{piece}` in the template {template[:60]!r}"
    if len(piece) < 3 or name != name.strip():
        raise RecipeError(f"{where} names no column", fix="write `{column}` for a value, `{{` and `}}` for braces")
    if name.startswith("_"):
        raise RecipeError(f"{where} is none of the row's own columns", fix="name one of these")
    return name
