"""Counts and sizes as people write them."""

from __future__ import annotations


def counted(number: int, one: str, many: str | None = None) -> str:
    """`1 row`, `2 rows`, `1,000 rows`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def size(number: float) -> str:
    """Bytes with a unit in which they are not nothing: `312 B`, `4 kB`, `1.5 MB`."""
    for unit in ("B", "kB"):
        if abs(number) < 1000:
            return f"{number:,.0f} {unit}"
        number /= 1000
    for unit in ("MB", "GB"):
        if abs(number) < 1000:
            return f"{number:,.1f} {unit}"
        number /= 1000
    return f"{number:,.1f} TB"
