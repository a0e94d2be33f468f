"""The Public Suffix List (publicsuffix.org), of the package publicsuffixlist: under which names domains are registered."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import product
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from lakehouse.core.text.kernels import buffers
from lakehouse.core.text.kernels.addresses import EXCEPTION, NODE, SUFFIX, WILDCARD
from lakehouse.core.text.kernels.spans import word_table


@dataclass(frozen=True)
class Suffixes:
    """What `addresses.domains` takes of the list.

    Attributes:
        table, names, offsets: the names in rules.
        kinds: what each is.
    """

    table: NDArray[np.int64]
    names: NDArray[np.uint8]
    offsets: NDArray[np.int64]
    kinds: NDArray[np.uint8]

    @property
    def arrays(self) -> tuple[NDArray[np.int64], NDArray[np.uint8], NDArray[np.int64], NDArray[np.uint8]]:
        """What the compiled function takes."""
        return self.table, self.names, self.offsets, self.kinds


@cache
def suffixes() -> Suffixes:
    """The list's names under which registries sell domains (its ICANN section), also as they are written in ASCII; read once a process."""
    from publicsuffixlist import PSLFILE

    official = Path(PSLFILE).read_text(encoding="utf-8").partition("// ===END ICANN DOMAINS===")[0]
    kinds: dict[str, int] = {}
    for rule in (line.strip() for line in official.splitlines() if line.strip() and not line.startswith("//")):
        for name in _spellings(rule.removeprefix("!").removeprefix("*.")):
            mark = EXCEPTION if rule.startswith("!") else NODE | (WILDCARD if rule.startswith("*.") else SUFFIX)
            kinds[name] = kinds.get(name, 0) | mark
            while (name := name.partition(".")[2]) != "":
                kinds[name] = kinds.get(name, 0) | NODE
    names, offsets = buffers.utf8(pl.Series(list(kinds), dtype=pl.String))
    return Suffixes(word_table(names, offsets), names, offsets, np.array(list(kinds.values()), dtype=np.uint8))


def _spellings(name: str) -> list[str]:
    """A name with each label as it is and, where it holds other than ASCII, as a host writes it (Punycode, RFC 3492)."""
    labels = [[label] if label.isascii() else [label, f"xn--{label.encode('punycode').decode()}"] for label in name.split(".")]
    return [".".join(chosen) for chosen in product(*labels)]
