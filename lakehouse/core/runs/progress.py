"""Progress of long work, as a callback; the caller decides whether and how to show it."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[str, int, int | None], None]
"""Called with what is being done, how much of it is done, and how much there is in all (None: unknown)."""


def silent(what: str, done: int, total: int | None) -> None:
    """Show nothing."""
