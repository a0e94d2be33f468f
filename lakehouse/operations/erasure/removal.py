"""Removal from a table: rows that stem from erased ones go, references to them are renamed, texts about them lose their values."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import polars as pl

GONE = ("_row_id", "_root", "_parent")
"""A row goes that is erased, or was cut out of, or made from, one that is."""
_NAMED = {"silver": ("_cluster",), "gold": ("_cluster",), "fates": ("other",)}
"""Columns by which a row that stays may name one that goes, by the kind of table. Others of these names are a source's own."""
_TEXTS = {"fates": ("evidence",), "system": ("payload", "evidence")}
"""Texts, mostly JSON, that may name rows and hold values of them."""
_SUFFIX = r"(#([a-z0-9_+]+\.)?\d+)+$"
_SHORTEST = 12
"""Characters of a value that is looked for in texts: a shorter one is there for many other reasons."""
ERASED = "[erased]"


def root(column: str) -> pl.Expr:
    """The collected row that a row id stems from."""
    return pl.col(column).str.replace(_SUFFIX, "")


@dataclass(frozen=True)
class Removal:
    """Rows of a source that go.

    Attributes:
        names: what is written in the place of each row id, by row id.
        values: texts of these rows, which texts about them may hold.
        moved: earlier states of other rows that go, since an erased item stood there then: `_row_id` and `_content`, a line break between.
        also: further values by column for which a row goes.
        kind: of the table: bronze, silver, fates, gold or system.
    """

    names: Mapping[str, str]
    values: Sequence[str] = ()
    moved: frozenset[str] = frozenset()
    also: Mapping[str, frozenset[str]] = field(default_factory=dict)
    kind: str = "bronze"

    def of(self, table: str) -> Removal:
        """The same for a table, `layer/name`."""
        layer, _, name = table.partition("/")
        return replace(self, kind="fates" if layer == "silver" and name.endswith("_fates") else layer)

    @property
    def named(self) -> tuple[str, ...]:
        """Columns that may name a row that goes."""
        return _NAMED.get(self.kind, ())

    @property
    def texts(self) -> tuple[str, ...]:
        """Columns of texts about rows."""
        return _TEXTS.get(self.kind, ())

    def speaks(self, bounds: Iterable[str]) -> bool:
        """Whether one of a file's smallest and largest values, maybe cut short, is of a row that goes."""
        given = list(bounds)
        if pl.DataFrame({"bound": pl.Series(given, dtype=pl.String)}).select(root("bound").is_in(self._ids.implode()).any()).item():
            return True
        starts = {value[:_SHORTEST] for value in self.values}
        return any(bound[:_SHORTEST] in starts for bound in given)

    def looked_at(self, columns: Iterable[str]) -> list[str]:
        """The columns of a table that decide which rows go."""
        return [name for name in columns if name in (*GONE, *self.named, *self.texts, *self.also, *(["_content"] if self.moved else []))]

    def gone(self, rows: pl.DataFrame) -> pl.Series:
        """Whether each row goes."""
        ids = self._ids.implode()
        by = [root(name).is_in(ids) for name in GONE if name in rows.columns]
        if self.moved and {"_row_id", "_content"} <= set(rows.columns):
            state = pl.concat_str(root("_row_id"), "_content", separator="\n")
            by.append(state.is_in(pl.Series(sorted(self.moved), dtype=pl.String).implode()))
        by += [pl.col(name).is_in(sorted(values)) for name, values in self.also.items() if name in rows.columns]
        return rows.select(pl.any_horizontal(e.fill_null(False) for e in by) if by else pl.repeat(False, pl.len())).to_series()

    def cut(self, rows: pl.DataFrame) -> pl.DataFrame:
        """The rows that stay, changed where they speak of one that goes."""
        left = rows.filter(~self.gone(rows))
        renamed = [self._renamed(name) for name in self.named if name in left.columns]
        texts = [self._without(left[name]) for name in self.texts if left.schema.get(name) == pl.String]
        return left.with_columns(*renamed, *texts)

    def touches(self, rows: pl.DataFrame) -> tuple[int, bool]:
        """How many of the rows go, and whether anything of them has to change."""
        gone = int(self.gone(rows).sum())
        return gone, bool(gone) or not self.cut(rows).equals(rows)

    @cached_property
    def _ids(self) -> pl.Series:
        return pl.Series(list(self.names), dtype=pl.String)

    def _renamed(self, name: str) -> pl.Expr:
        ids = root(name)
        new = ids.replace_strict(list(self.names), list(self.names.values()), default=None, return_dtype=pl.String)
        return pl.when(ids.is_in(self._ids.implode())).then(new).otherwise(name).alias(name)

    @cached_property
    def _literals(self) -> list[str]:
        long = {value for value in self.values if len(value) >= _SHORTEST}
        return sorted({*long, *(_quoted(value) for value in long)}, key=len, reverse=True)

    @cached_property
    def _mentions(self) -> re.Pattern[str]:
        ids = sorted({*self.names, *(_quoted(name) for name in self.names)}, key=len, reverse=True)
        # An id ends where it is quoted, listed or followed by the number of a child: `s/1` is not named by `s/10`.
        return re.compile("(" + "|".join(map(re.escape, ids)) + r")(?=$|[\"'#,;\s\])}])")

    def _without(self, texts: pl.Series) -> pl.Series:
        patterns = [*self._literals, *self.names, *map(_quoted, self.names)]
        hit = texts.str.contains_any(patterns).fill_null(False)
        if not hit.any():
            return texts
        changed = [self._scrubbed(text) if found else text for text, found in zip(texts, hit, strict=True)]
        return pl.Series(texts.name, changed, dtype=pl.String)

    def _scrubbed(self, text: str) -> str:
        for value in self._literals:
            text = text.replace(value, ERASED)
        plain = {_quoted(name): new for name, new in self.names.items()} | dict(self.names)
        return self._mentions.sub(lambda found: plain[found[1]], text)


def _quoted(text: str) -> str:
    """A text as JSON writes it."""
    return json.dumps(text, ensure_ascii=False)[1:-1]
