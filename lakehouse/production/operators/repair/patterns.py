"""Replacement by a regular expression that a recipe may give."""

from __future__ import annotations

import polars as pl

from lakehouse.core.errors import RecipeError


def checked(pattern: str) -> str:
    """The pattern itself.

    Raises:
        RecipeError: it is none for the regex engine of Polars (Rust's: linear time, no look-around, no back-references).
    """
    try:
        pl.Series([""]).str.contains(pattern)
    except pl.exceptions.ComputeError as error:
        raise RecipeError(
            f"`{pattern}` is no regular expression: {str(error).splitlines()[-1]}",
            fix="write it without look-around and back-references: https://docs.rs/regex/latest/regex/#syntax",
        ) from error
    return pattern


def replaced(column: str, pattern: str, repl: str) -> pl.Expr:
    """Every match of `pattern` in a column replaced by the literal `repl`; a pattern that is none is refused (see `checked`)."""
    return pl.col(column).str.replace_all(checked(pattern), repl.replace("$", "$$"))
