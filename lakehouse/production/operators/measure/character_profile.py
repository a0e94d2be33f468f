"""What a text is made of, in numbers."""

from __future__ import annotations

import polars as pl

from lakehouse.core.text.compiled import compiled
from lakehouse.core.text.kernels import buffers, characters, profile, scripts
from lakehouse.core.text.kernels.structs import share, struct
from lakehouse.production.engine.operator import OPERATORS, Keep

_TYPES = {**dict.fromkeys(profile.COUNTS, pl.Int64()), "han_share": pl.Float64(), "entropy": pl.Float64()}


@OPERATORS.register(version=1, cardinality="1:0")
def character_profile(*, column: str) -> Keep:
    """Measure what a text is made of; every row stays.

    Signals: `characters` (code points), and how many of them are `han` (script Han), `latin` (letters), `digits` (Nd), `punctuation` (P),
    `blanks` (White_Space), `emoji` (pictographs, flag letters, skin tones), `other`: these seven add up to `characters` (classes of Unicode
    as Polars knows them). `words` (runs without spaces), `lines` (as of `str.splitlines`), `bytes` (UTF-8), `han_share` (0 to 1),
    `distinct` (different characters), `entropy` (of their distribution, Shannon 1948, bits a character).
    A null text has no signals and stays as well.

    Example:
        `{character_profile: {column: text}}`
    """

    def measure(texts: pl.Series) -> pl.Series:
        counts, entropy = profile.profiles(*buffers.utf8(texts), scripts.table(), characters.table())
        fields = {name: counts[:, k].copy() for k, name in enumerate(profile.COUNTS)}
        return struct(texts, fields | {"han_share": share(fields["han"], fields["characters"]), "entropy": entropy})

    seen = compiled(pl.col(column), measure, pl.Struct(_TYPES))
    return Keep({name: seen.struct.field(name) for name in _TYPES}, {})
