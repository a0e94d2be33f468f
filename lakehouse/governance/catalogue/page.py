"""The catalogue as one HTML file that needs nothing else: the search runs in the browser. `#q=评论&kind=dataset` opens it with a search."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from importlib import resources

from lakehouse.governance.catalogue.entries import FACETS, CatalogueEntry


def page(entries: Sequence[CatalogueEntry]) -> str:
    """The page; texts of entries are embedded as data, never as markup."""
    template = (resources.files("lakehouse.governance.catalogue") / "page.html").read_text(encoding="utf-8")
    # The page could otherwise be ended, or a script begun, by a word of a description.
    data = json.dumps([asdict(entry) for entry in entries], ensure_ascii=False).replace("<", "\\u003c")
    return template.replace("of FACETS", f"of {json.dumps(FACETS)}").replace("ENTRIES", data)
