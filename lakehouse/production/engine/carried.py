"""What columns may still carry of private data, step by step, and from which source columns they are made."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import polars as pl

from lakehouse.core.text.paths import Parts, TextPath, leaves
from lakehouse.production.engine.columns import Held

_IN_NUMBERS = frozenset({"phone", "cn_id", "bank_card"})
"""Privacy classes whose values a number can hold."""
_LARGE = (pl.Int64, pl.UInt64, pl.Int128, pl.UInt128)
"""Whole numbers of eleven digits and more, as a phone number, an id or a card has."""

Classes = frozenset[str]


class Carried:
    """Privacy classes and origins of the columns as steps follow one another.

    Attributes:
        privacy: the classes that a column may hold.
        lineage: the source columns that a column is made from.
    """

    def __init__(self, privacy: Mapping[str, Classes], lineage: Mapping[str, Classes]) -> None:
        self.privacy = dict(privacy)
        self.lineage = dict(lineage)
        self._cleared: dict[str, set[tuple[str, Parts]]] = {}

    def follow(self, made: Mapping[str, pl.Expr], clears: Mapping[str, Classes]) -> None:
        """Note what `made` columns are made from; all expressions of a step read the columns as they were before it."""
        lineage, privacy = dict(self.lineage), dict(self.privacy)
        for column, expression in made.items():
            roots = [root for root in expression.meta.root_names() if not root.startswith("_")]
            self.lineage[column] = Classes().union(*(lineage.get(r, frozenset([r])) for r in roots))
            self.privacy[column] = Classes().union(*(privacy.get(r, Classes()) for r in roots)) - clears.get(column, Classes())
            if roots != [column]:
                self._cleared.pop(column, None)

    def cleared_at(self, path: TextPath, kinds: Classes, column: Held | None) -> Classes:
        """The classes of which the whole column is free once a step has taken those of `kinds` out of the texts at a path.

        A column is free of a class when every place inside of it that may hold the class was cleared: all texts, bytes and JSON texts,
        and for phones, ids and cards whole numbers of eleven digits and more, which no step clears. Of JSON text not all places are known:
        it is free once any was cleared, and the release, which looks through the rows themselves, refuses what is left. Where the type is
        not known yet (`column` is None) the run decides.
        """
        if column is None or column.json:
            return kinds
        cleared = self._cleared.setdefault(path.root, set())
        cleared |= {(kind, path.parts) for kind in kinds}
        return frozenset(kind for kind in kinds if all((kind, parts) in cleared for parts in _places(column, kind)))

    def take_in(self, classes: Mapping[str, Iterable[str]]) -> None:
        """Note what columns may hold that were taken from another dataset."""
        for column, given in classes.items():
            self.privacy[column] = self.privacy.get(column, Classes()) | Classes(given)

    def copy(self) -> Carried:
        """The same, to go another way from here."""
        other = Carried(self.privacy, self.lineage)
        other._cleared = {column: set(cleared) for column, cleared in self._cleared.items()}
        return other

    def or_as(self, before: Carried) -> None:
        """Note that rows as they were `before` stand beside those that came to be since."""
        self.lineage = {column: made_of | before.lineage.get(column, Classes()) for column, made_of in self.lineage.items()}
        self.privacy = {column: classes | before.privacy.get(column, Classes()) for column, classes in self.privacy.items()}
        self._cleared = before.copy()._cleared


def _places(column: Held, kind: str) -> list[Parts]:
    """The paths inside of a column that may hold private data of a kind."""
    texts = (pl.String, pl.Binary, pl.Object)
    holding = (*texts, *_LARGE) if kind in _IN_NUMBERS else texts
    return [parts for parts, leaf in leaves(column.inside) if isinstance(leaf, holding)]
