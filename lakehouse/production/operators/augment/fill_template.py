"""Texts from templates and the values of rows."""

from __future__ import annotations

import polars as pl

from lakehouse.core.errors import RecipeError
from lakehouse.core.text.templates import filled
from lakehouse.production.engine.operator import OPERATORS, SEED, Change


@OPERATORS.register(version=1, cardinality="1:1", seeded=True)
def fill_template(*, column: str, templates: list[str]) -> Change:
    """Make `column` one of the `templates`, chosen by the variant's seed, filled with the values of its row.

    `{name}` becomes the value of the column `name` (numbers and dates as text), `{{` and `}}` for braces. Instructions for tuning are
    made this way (FLAN, Wei et al. 2022: ten templates a task). A template that holds a null value gives no text: that variant is dropped.

    Raises:
        RecipeError: no template, or a brace that opens or closes nothing.

    Example:
        `{fill_template: {column: text, templates: ["How do you like this? {text}", "{text} Is this good or bad?"]}}`
    """
    if not templates:
        raise RecipeError("fill_template has no templates", fix="give `templates: [...]`")
    # Upper bits: what other steps draw from the lower ones does not go with the choice.
    chosen = pl.col(SEED) // (1 << 32) % len(templates)
    text = filled(templates[0])
    for number, template in enumerate(templates[1:], 1):
        text = pl.when(chosen == number).then(filled(template)).otherwise(text)
    return Change({column: text})
