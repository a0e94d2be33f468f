"""Values of types within types, and types to hold them, for properties."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

import polars as pl
from hypothesis import strategies as st

Made = tuple[pl.DataType, Any]
"""A type and the strategy of its values, null among them."""

TEXTS = st.none() | st.sampled_from(["", "a", "A", "电话 13812345678", "谢谢 a@b.example", 'x", "y', "[1]", "null", "a\n\u2028b", "é\\"])
_PLAIN: list[Made] = [
    (pl.String(), TEXTS),
    (pl.String(), TEXTS),
    (pl.Int64(), st.none() | st.integers(-2, 2)),
    (pl.Float64(), st.none() | st.sampled_from([0.0, -0.0, 1.5, 1e300])),
    (pl.Boolean(), st.none() | st.booleans()),
    (pl.Date(), st.none() | st.sampled_from([date(2024, 1, 1), date(2024, 1, 2)])),
    (pl.Datetime("us", "UTC"), st.none() | st.sampled_from([datetime(2024, 1, 1), datetime(2024, 1, 1, 0, 0, 0, 1)])),
    (pl.Decimal(12, 2), st.none() | st.sampled_from([Decimal("1.10"), Decimal("1.1"), Decimal("-3")])),
    (pl.Binary(), st.none() | st.sampled_from([b"", b"a", b"\xff"])),
]


def _wider(inner: Any) -> Any:
    lists = inner.map(lambda made: (pl.List(made[0]), st.none() | st.lists(made[1], max_size=3)))
    names = st.lists(st.sampled_from(["role", "content", "a.b", "空"]), min_size=1, max_size=3, unique=True)
    fields = names.flatmap(lambda chosen: st.tuples(st.just(chosen), st.tuples(*[inner] * len(chosen))))
    structs = fields.map(
        lambda pair: (
            pl.Struct({name: made[0] for name, made in zip(*pair, strict=True)}),
            st.none() | st.fixed_dictionaries({name: made[1] for name, made in zip(*pair, strict=True)}),
        )
    )
    return lists | structs


TYPES = st.recursive(st.sampled_from(_PLAIN), _wider, max_leaves=5)
"""Types with strategies of their values."""


@st.composite
def columns(draw: st.DrawFn, least: int = 0) -> pl.Series:
    """A column of any type, sometimes a slice of a longer one."""
    dtype, values = draw(TYPES)
    given = draw(st.lists(values, min_size=least, max_size=8))
    before = draw(st.integers(0, 2))
    if before:
        given = draw(st.lists(values, min_size=before, max_size=before)) + given
    return pl.Series("value", given, dtype=dtype)[before:]
