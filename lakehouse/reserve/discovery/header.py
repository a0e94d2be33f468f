"""Which rows of a table stand above its records: titles, and the header that names the columns."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from lakehouse.reserve.discovery.column_form import NULL_WORDS

Rows = Sequence[Sequence[str]]
TITLES = 20
"""Most rows that may stand above a header."""
_NUMBER = re.compile(r"[-+(]?\s*[$€£¥]?\s*(\d[\d.,'  ]*|\.\d+)([eE][-+]?\d+)?\s*[%‰€£¥$)]?")
_DATE = re.compile(r"\d{1,4}[-/.年]\d{1,2}[-/.月]\d{1,4}日?([ T]\d{1,2}:.*)?|\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?")
_YEAR = re.compile(r"(19|20)\d\d")
_TRUTH = ("true", "false")
_HEADING = re.compile(r"[^\W\d][\w .()/:%#-]{0,39}")
_USUAL = frozenset(
    {
        "id", "key", "index", "no", "nr", "number", "code", "name", "title", "label", "labels", "class",
        "category", "type", "kind", "tag", "tags", "text", "content", "body", "message", "description",
        "comment", "comments", "question", "answer", "prompt", "response", "instruction", "output", "input",
        "date", "time", "timestamp", "day", "month", "year", "created", "updated", "city", "country",
        "region", "state", "address", "email", "phone", "url", "link", "source", "target", "value",
        "amount", "price", "quantity", "count", "total", "score", "rating", "status", "sex", "gender",
        "age", "language", "lang", "user", "author", "species", "sentiment", "topic", "编号", "序号", "名称",
        "姓名", "标题", "标签", "类别", "分类", "内容", "文本", "日期", "时间", "金额", "数量", "单价", "备注"
    }
)  # fmt: skip
"""Words that head columns in published tables; a word that stands as a value too may still be a heading where it is one of these."""
_ENOUGH = 5
"""Fewest records from which the lengths and the values of a column tell anything about the cell above them."""


@dataclass(frozen=True)
class Heading:
    """What stands above the records of a table.

    Attributes:
        titles: rows above the header, or above the first record.
        header: whether the next row names the columns.
    """

    titles: int
    header: bool


def heading(rows: Rows) -> Heading:
    """The titles and the header of a table.

    Args:
        rows: its first rows, each of the width of the table; a title fills its first cells alone.
    """
    titles = _titles(rows)
    if titles and has_header(rows[titles:]):
        return Heading(titles, True)
    return Heading(0, has_header(rows))


def _titles(rows: Rows) -> int:
    """How many rows at the start fill far fewer cells than those below them, beginning with the first cell, or fill none."""
    filled = [sum(bool(cell.strip()) for cell in row) for row in rows]
    usual = sorted(filled)[len(filled) // 2] if filled else 0
    for at, row in enumerate(rows[: min(TITLES, len(rows) - 1)]):
        if filled[at] and (filled[at] > max(1, 0.3 * usual) or not row[0].strip() or usual < 2):
            return at
    return 0


def has_header(rows: Rows) -> bool:
    """Whether the first of `rows` (of one width) names columns.

    One column with a text above numbers, dates or truth values proves it. So do numbers that run on from cell to cell above others that
    do not, such as years; other numbers above numbers are values. Where all columns are texts, the first row has to differ from those below
    it, or to hold short words, each its own, none of them a value of its column.
    """
    if not rows:
        return False
    names, below = [cell.strip() for cell in rows[0]], [row for row in rows[1:] if list(row) != list(rows[0]) and any(row)]
    if not any(names):
        return False
    columns = [[cell for row in below if (cell := row[at].strip()) and cell not in NULL_WORDS] for at in range(len(names))]
    if any(_is_word(name) and _are_values(cells, len(below)) for name, cells in zip(names, columns, strict=True)):
        return True
    numbers = [at for at, name in enumerate(names) if _is_value(name)]
    over = [at for at in numbers if columns[at] and _are_values(columns[at], len(below))]
    if over and not _run_on(names, over, below):
        return False
    return bool(over) or _words_head([(n, c) for n, c in zip(names, columns, strict=True)], rows[1:])


def is_year(cell: str) -> bool:
    """Whether a text is a year from 1900 to 2099."""
    return bool(_YEAR.fullmatch(cell))


def _is_value(cell: str) -> bool:
    return bool(_NUMBER.fullmatch(cell) or _DATE.fullmatch(cell)) or cell.lower() in _TRUTH


def _is_word(cell: str) -> bool:
    return bool(cell) and cell not in NULL_WORDS and not _is_value(cell)


def _are_values(cells: Sequence[str], rows: int) -> bool:
    """Whether a column is one of numbers, dates or truth values, with at least a fifth of its cells filled."""
    return bool(cells) and len(cells) >= 0.2 * rows and all(map(_is_value, cells))


def _run_on(names: Sequence[str], numbers: Sequence[int], below: Rows) -> bool:
    """Whether numbers of the first row run on by one step, as years and places do, and those of the rows below do not."""

    def steps(row: Sequence[str]) -> bool:
        cells = [row[at].strip() for at in numbers]
        if not all(cell.isascii() and cell.isdigit() for cell in cells):
            return False
        found = [int(cell) for cell in cells]
        if len(found) == 1 or all(map(_YEAR.fullmatch, cells)):
            return all(map(_YEAR.fullmatch, cells)) and len(set(found)) == len(found)
        apart = {after - before for before, after in pairwise(found)}
        return len(found) > 2 and len(apart) == 1 and apart != {0}

    return bool(below) and steps(names) and sum(map(steps, below)) <= 0.1 * len(below)


def _words_head(columns: Sequence[tuple[str, Sequence[str]]], below: Rows) -> bool:
    """Whether a row of words names columns of texts."""
    signs = [_sign(name, cells) for name, cells in columns if name]
    if -1 in signs:
        return False
    words = [name for name, _ in columns if name]
    gaps = any(not name for name, _ in columns[1:-1])  # the first cell is empty above an index, the last where each line ends so
    known = all(_HEADING.fullmatch(name) for name in words) and len(set(words)) == len(words)
    values = any(
        name and name.lower() not in _USUAL and any(row[at].strip() == name for row in below) for at, (name, _) in enumerate(columns)
    )
    usual = [name for name in words if name.lower() in _USUAL]
    if known and not gaps and not values:
        return True
    return not values and (1 in signs or (known and len(usual) == len(words)))


def _sign(name: str, cells: Sequence[str]) -> int:
    """What a word says above the texts of its column: 1 it is none of them, -1 it is one of them, 0 nothing."""
    if len(cells) < _ENOUGH:
        return 0
    masks = {_mask(cell) for cell in cells}
    if "9" in _mask(name) or not name[0].isalnum():
        if masks == {_mask(name)}:
            return -1
    elif all(any(each.isdigit() for each in cell) for cell in cells):
        return 1  # a word above codes
    lengths = sorted(map(len, cells))
    if 2 * len(name) < lengths[0] or len(name) > 2 * lengths[-1] + 5:
        return 1
    few = len(set(cells)) <= max(1, int(len(cells) ** 0.5))
    return 1 if few and name not in cells else 0


def _mask(cell: str) -> str:
    """The form of a text: a letter for each run of letters, 9 for each run of digits, other characters as they are."""
    return re.sub(r"[^\W\d_]+", "a", re.sub(r"\d+", "9", cell))
