"""Texts in another letter case."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from lakehouse.core.text.kernels import buffers, characters, letter_case
from lakehouse.production.engine.operator import OPERATORS, Change
from lakehouse.production.operators.augment.variants import varied

Kind = Literal["lower", "upper", "title", "swap_first"]
_KINDS: dict[Kind, int] = {
    "lower": letter_case.LOWER,
    "upper": letter_case.UPPER,
    "title": letter_case.TITLE,
    "swap_first": letter_case.SWAP_FIRST,
}


@OPERATORS.register(version=1, cardinality="1:1", seeded=True)
def case_noise(
    *,
    column: str,
    kinds: Annotated[list[Kind], Field(min_length=1)] = ["lower", "upper", "title", "swap_first"],  # noqa: B006 - read, never changed
) -> Change:
    """Write a text in the letter case of a hurry: all of it in one of the `kinds`, all as likely, chosen by its seed.

    `lower` and `upper`: every letter small, or capital. `title`: the first letter of each word is a capital, the others stay; a word is a
    run of letters and digits, with apostrophes and combining marks in it. `swap_first`: the first letter of the text that has a case
    gets the other one. A letter whose counterpart is more than one letter stays (ß). Addresses of pages and mail and names of hosts
    and files stay as in `typos`, because computers distinguish cases. Chinese has no case: its text equals its parent. A null stays null.

    Example:
        `{case_noise: {column: text, kinds: [lower, upper]}}`
    """
    wanted = np.array(sorted({_KINDS[kind] for kind in kinds}), dtype=np.int64)

    def write(data: buffers.Bytes, offsets: buffers.Offsets, seeds: NDArray[np.uint64]) -> tuple[buffers.Bytes, buffers.Offsets]:
        written: tuple[buffers.Bytes, buffers.Offsets]
        written = letter_case.recased(data, offsets, seeds, wanted, letter_case.cases(), characters.table())
        return written

    return varied("case_noise", column, write)
