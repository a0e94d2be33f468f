"""Codes of languages, as parameters name them."""

from __future__ import annotations

from collections.abc import Sequence

from lakehouse.core.errors import RecipeError
from lakehouse.core.spec import yamlfile
from lakehouse.core.text.kernels import lid176


def known_codes(operator: str, codes: Sequence[str]) -> tuple[str, ...]:
    """The codes, each once, in order.

    Raises:
        RecipeError: one that lid.176 does not know.
    """
    known = set(lid176.identifier().codes.tolist()) if codes else set()
    for code in codes:
        if code not in known:
            raise RecipeError(f"{operator}: no language `{code}`", fix=yamlfile.suggest(code, known))
    return tuple(sorted(set(codes)))
