"""Documents whose text is not what they show."""

from __future__ import annotations

import polars as pl

from lakehouse.reserve.formats.wrong_texts import SHARES
from lakehouse.reserve.screening.detector import DETECTORS, FOUND, RowLook

_COLUMNS = ("garbled_share", "replaced_share", "pages_without_text", "pages")


@DETECTORS.register(version=1, action="warn", decides=("at_least",))
def wrong_documents(*, at_least: float = 0.01) -> RowLook:
    """Flag documents whose text is not what they show, by the columns that the format `document` gives them.

    Kinds: `garbled_text` (characters that no one writes, and those of a PDF whose fonts give no Unicode for them), `replaced_characters`
    (U+FFFD, which stands for bytes without a character) and `no_text_layer` (pages that show something and have no text, as scans do).
    The score is the share of the characters, or of the pages. The source has to have the columns `garbled_share`, `replaced_share`,
    `pages_without_text` and `pages`.

    Args:
        at_least: Share from which a document is flagged; lower ones are kept as signals.
    """
    return RowLook(_COLUMNS, _found)


def _found(rows: pl.DataFrame) -> pl.DataFrame:
    measured = rows.select(**SHARES).with_row_index("_at").with_columns(pl.col("_at").cast(pl.Int64))
    parts = [measured.drop_nulls(kind).select("_at", kind=pl.lit(kind), score=pl.col(kind).cast(pl.Float64)) for kind in SHARES]
    told = pl.concat_str((pl.col("score") * 100).round(1).cast(pl.String), pl.lit(" %"))
    return pl.concat([FOUND.to_frame(), *(part.with_columns(detail=told) for part in parts)], how="diagonal")
