"""Texts with slips of the keyboard."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from lakehouse.core.text.kernels import buffers, chance, characters
from lakehouse.core.text.kernels import typos as kernel
from lakehouse.production.engine.operator import OPERATORS, Change
from lakehouse.production.operators.augment.variants import Rate, varied

Kind = Literal["swap", "drop", "double", "neighbour"]
_KINDS: dict[Kind, int] = {"swap": kernel.SWAP, "drop": kernel.DROP, "double": kernel.DOUBLE, "neighbour": kernel.NEIGHBOUR}


@OPERATORS.register(version=1, cardinality="1:1", seeded=True)
def typos(
    *,
    column: str,
    rate: Rate = 0.02,
    kinds: Annotated[list[Kind], Field(min_length=1)] = ["swap", "drop", "double", "neighbour"],  # noqa: B006 - read, never changed
) -> Change:
    """Slip on the keyboard in words of Latin letters: at a share `rate` of the letters that may change.

    Each letter but the first of its word slips with the chance `rate`, in one of the `kinds` that are possible there, all as likely: `swap`
    with the next letter of the word, if that is another; `drop`; `double`; `neighbour`, a key that touches its own on a QWERTY keyboard,
    its case kept (ASCII letters only). First letters stay, for words are hardest to read when these are wrong: sentences with letters
    swapped at the beginnings of words were read more slowly than with swaps inside words (Rayner, White, Johnson and Liversedge 2006,
    "Raeding wrods with jubmled lettres: There is a cost"). A word is a run of letters of ASCII, Latin-1 and Latin Extended-A and -B; one
    next to a digit, an underscore or a combining mark stays, and so do addresses of pages and mail and names of hosts and files: what
    has `@` or `://`, or a dot, slash, backslash or underscore between letters, up to the next space. Digits, signs, Chinese and all other
    scripts stay. A null stays null.

    Example:
        `{typos: {column: text, rate: 0.05}}`
    """
    wanted = sum(_KINDS[kind] for kind in set(kinds))
    chances = chance.threshold(rate)

    def write(data: buffers.Bytes, offsets: buffers.Offsets, seeds: NDArray[np.uint64]) -> tuple[buffers.Bytes, buffers.Offsets]:
        slipped: tuple[buffers.Bytes, buffers.Offsets]
        slipped = kernel.slips(data, offsets, seeds, chances, wanted, kernel.neighbours(), characters.table())
        return slipped

    return varied("typos", column, write)
