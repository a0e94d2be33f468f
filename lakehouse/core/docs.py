"""Where the documentation is, for messages that point to it."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).parents[1]


def page(name: str) -> str:
    """The path of a page: in the installed package, or beside it in a checkout."""
    for folder in (_PACKAGE / "docs", _PACKAGE.parent / "docs"):
        if (folder / name).is_file():
            return str(folder / name)
    return f"docs/{name}"
