"""Texts with punctuation as people write it in a hurry."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lakehouse.core.text.kernels import buffers, chance, characters, punctuation
from lakehouse.production.engine.operator import OPERATORS, Change
from lakehouse.production.operators.augment.variants import Rate, varied


@OPERATORS.register(version=1, cardinality="1:1", seeded=True)
def punctuation_noise(*, column: str, rate: Rate = 0.3) -> Change:
    """Punctuate in a hurry: a share `rate` of the signs that may change is dropped, doubled, or written in the other width.

    The signs are `, . ! ?` and their full-width forms `，。！？`. Each changes with the chance `rate`, in one of the ways that are possible
    there, all as likely: it is dropped; it is written in the other width; `! ?` of either width are doubled; an ASCII comma loses the one
    blank after it, unless a digit follows. A sign right before a digit or a Latin letter stays (`3.14`, `1,000`, `.NET`, `a,b`), and so
    do signs next to one another (`...`, `?!`) and addresses of pages and mail and names of hosts and files, as in `typos`, with the signs
    that touch them. The point of an abbreviation (`Mr.`) counts as a full stop. A null stays null.

    Example:
        `{punctuation_noise: {column: text, rate: 0.5}}`
    """
    chances = chance.threshold(rate)

    def write(data: buffers.Bytes, offsets: buffers.Offsets, seeds: NDArray[np.uint64]) -> tuple[buffers.Bytes, buffers.Offsets]:
        written: tuple[buffers.Bytes, buffers.Offsets]
        written = punctuation.repunctuated(data, offsets, seeds, chances, characters.table())
        return written

    return varied("punctuation_noise", column, write)
