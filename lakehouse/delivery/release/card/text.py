"""Words and values in the Markdown of a card: what comes from data is shown as it is, and acts neither as Markdown nor as HTML."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from lakehouse.core.text.visible import in_line

_MARKS = re.compile(r"([\\`*\[\]|~$])|((?<![^\W_])_|_(?![^\W_]))")
"""Signs of Markdown; an underscore between letters is none."""


class Markup(str):
    """Markdown that is meant so."""


def plain(given: object) -> str:
    """A value as text in one line."""
    escaped = in_line(str(given)).replace("&", "&amp;").replace("<", "&lt;")
    return _MARKS.sub(lambda found: f"\\{found[0]}", escaped)


def code(given: object) -> Markup:
    """A name in the type of code."""
    return Markup("`" + in_line(str(given)).replace("`", "'").replace("|", "\\|") + "`")


def table(names: Sequence[str], lines: Sequence[Sequence[object]]) -> str:
    """A table; cells that are no Markup are text."""
    rows = [names, [Markup("---")] * len(names), *lines]
    return "\n".join("| " + " | ".join(str(cell) if isinstance(cell, Markup) else plain(cell) for cell in row) + " |" for row in rows)


def number(given: Any) -> str:
    """A whole number, nothing for what is none."""
    return f"{given:,}" if isinstance(given, int) else ""


def value(given: Any) -> str:
    """A figure, or figures by name."""
    if isinstance(given, float):
        return f"{given:.4g}"
    if isinstance(given, Mapping):
        return ", ".join(f"{key} {value(inner)}" for key, inner in given.items())
    return "" if given is None else str(given)


def short(digest: Any) -> str:
    """The beginning of a digest."""
    return code(str(digest)[:12]) if digest else ""
