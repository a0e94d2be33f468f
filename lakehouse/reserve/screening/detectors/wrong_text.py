"""Text that was decoded wrongly, before it came or as it was read."""

from __future__ import annotations

import polars as pl

from lakehouse.core.text.wrong_text import shares
from lakehouse.reserve.screening.detector import DETECTORS, FOUND, TextLook


@DETECTORS.register(version=1, action="warn", decides=("at_least",))
def wrong_text(*, columns: list[str] | None = None, at_least: float = 0.01) -> TextLook:
    """Flag texts with characters of a wrong decoding.

    Kinds: `garbled_text` (characters for private use, unassigned ones and controls, runs of misread encodings such as `Ã©`, `â€™` and
    `锟斤拷`, scripts that change within words) and `replaced_characters` (U+FFFD, which stands for bytes without a character). The score is
    the share of the text's characters, white space left out. A whole text of another encoding that is written in the right letters of
    another script is not known by its characters. `wrong_documents` knows more of documents.

    Args:
        columns: Text columns; without it, all.
        at_least: Share of the characters from which a text is flagged; lower ones are kept as signals.
    """
    return TextLook(tuple(columns) if columns is not None else None, _found)


def _found(texts: pl.Series) -> pl.DataFrame:
    measured = shares(texts).with_row_index("_at").with_columns(pl.col("_at").cast(pl.Int64))
    kinds = {"garbled_text": "garbled_share", "replaced_characters": "replaced_share"}
    parts = [measured.filter(pl.col(share) > 0).select("_at", kind=pl.lit(kind), score=share) for kind, share in kinds.items()]
    return pl.concat([FOUND.to_frame(), *(part.with_columns(detail=_percent("characters")) for part in parts)], how="diagonal")


def _percent(of: str) -> pl.Expr:
    return pl.concat_str((pl.col("score") * 100).round(1).cast(pl.String), pl.lit(f" % of its {of}"))
