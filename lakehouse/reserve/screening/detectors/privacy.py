"""Private data and keys, found as `redact` finds them."""

from __future__ import annotations

import polars as pl

from lakehouse.core.errors import SpecError
from lakehouse.core.text.private_data import CANDIDATES, NARROW, ORDER, PATTERNS, WIDE_DIGITS, Kind, places
from lakehouse.reserve.screening.detector import DETECTORS, FOUND, MOST, TextLook, found

_OPEN, _CLOSE = "\ufdd0", "\ufdd1"
"""Noncharacters (Unicode 23.7) set around what a pattern matches."""
_TAKEN = "\ufffc"
"""Stands in the place of what one kind took, so that no other is found in it."""


@DETECTORS.register(version=2, action="quarantine")
def privacy(
    *,
    columns: list[str] | None = None,
    kinds: list[Kind] = ["cn_id", "national_id", "bank_card", "cn_uscc", "iban", "key"],  # noqa: B006 - read, never changed
) -> TextLook:
    """Flag texts that hold private data or keys, by the same patterns and check digits as the operator `redact`.

    Each kind is a kind of finding. The default is what is secret by itself; `email`, `phone`, `ip` and `url` are common in honest text:
    declare them in a detection of their own with `action: warn`. What one kind took is not found again as another.

    Args:
        columns: Text columns; without it, all.
        kinds: What is looked for.
    """
    if not kinds:
        raise SpecError("privacy looks for nothing", fix="name at least one of `kinds`")
    wanted = tuple(kind for kind in ORDER if kind in kinds)
    return TextLook(tuple(columns) if columns is not None else None, lambda texts: _found(texts, wanted))


def _found(texts: pl.Series, kinds: tuple[Kind, ...]) -> pl.DataFrame:
    first, left = _in(texts, kinds)
    wide = texts.str.contains(WIDE_DIGITS.pattern).fill_null(False).arg_true()
    narrow = pl.Series([text.translate(NARROW) for text in left.gather(wide)], dtype=pl.String)
    second, _ = _in(narrow, kinds)
    places = pl.DataFrame({"_at": range(len(wide)), "_row": wide}, schema={"_at": pl.Int64, "_row": pl.Int64})
    second = second.join(places, on="_at").with_columns(pl.col("_row").alias("_at")).drop("_row")
    return pl.concat([first, second])


def _in(texts: pl.Series, kinds: tuple[Kind, ...]) -> tuple[pl.DataFrame, pl.Series]:
    """What the texts hold, and the texts with it taken out, other characters at their places."""
    read = texts.clone()  # `scatter` writes in place
    parts = [FOUND.to_frame()]
    for kind in kinds:
        pattern = PATTERNS.get(kind) or CANDIDATES[kind]
        rows = read.str.contains(pattern).fill_null(False).arg_true()
        if rows.is_empty():
            continue
        chosen = read.gather(rows)
        if kind in PATTERNS:
            marked = chosen.str.replace_all(f"({pattern})", f"{_OPEN}${{1}}{_CLOSE}").to_list()
            all_places = [_marked(text) for text in marked]
        else:
            all_places = [places(kind, text) for text in chosen]
        out: list[dict[str, object]] = []
        after: list[str] = []
        for at, text, hits in zip(rows.to_list(), chosen.to_list(), all_places, strict=True):
            out += [{"_at": at, "kind": kind, "start": a, "end": b, "match": text[a:b]} for a, b in hits[:MOST]]
            for a, b in hits:
                text = text[:a] + _TAKEN * (b - a) + text[b:]
            after.append(text)
        read = read.scatter(rows, pl.Series(after, dtype=pl.String))
        parts.append(found(out))
    return pl.concat(parts), read


def _marked(text: str) -> list[tuple[int, int]]:
    """The places between the marks, counted without these."""
    out, start, seen = [], 0, 0
    for at, character in enumerate(text):
        if character == _OPEN:
            start, seen = at - seen, seen + 1
        elif character == _CLOSE:
            out.append((start, at - seen))
            seen += 1
    return out
