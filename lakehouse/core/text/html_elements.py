"""Elements of HTML that part the words around them, as `innerText` in the HTML standard has it (3.2.7, and 15.3 for what is a block)."""

from __future__ import annotations

_NAMES = (
    "address article aside blockquote body br caption center dd details dialog dir div dl dt fieldset figcaption "
    "figure footer form h1 h2 h3 h4 h5 h6 head header hgroup hr html legend li main menu nav ol optgroup option p "
    "pre search section summary table tbody tfoot thead title tr ul"
)
BLOCKS = tuple(_NAMES.split())
"""What begins or ends such an element stands on lines of its own; `br` ends a line."""
CELLS = ("td", "th")
"""Cells of one row stand apart on one line."""
