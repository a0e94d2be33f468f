"""Values of database drivers: held as they are, or refused; cursors come back from their JSON."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from lakehouse.reserve.transport import values


@given(
    st.lists(
        st.one_of(
            st.integers(-(2**70), 2**70),
            st.text(),
            st.binary(),
            st.booleans(),
            st.floats(allow_nan=False),
            st.dates(),
            st.datetimes(),
            st.decimals(allow_nan=False),
        ),
        min_size=1,
    )
)
def test_a_cursor_comes_back_from_its_json(found: list[Any]) -> None:
    again = [values.from_json(json.loads(json.dumps(values.to_json(value)))) for value in found]
    assert again == found
    assert list(map(type, again)) == list(map(type, found))


@given(st.lists(st.one_of(st.none(), st.integers(-(2**80), 2**80)), min_size=1))
def test_whole_numbers_are_held_or_refused_never_changed(found: list[int | None]) -> None:
    made = values.series("n", found, values.found(found))
    assert [None if value is None else int(value) for value in made] == found


@given(st.lists(st.decimals(allow_nan=True, allow_infinity=True), min_size=1))
@example([Decimal("9.999999999999958220800E-21")])
def test_decimals_are_held_or_refused_never_rounded(found: list[Decimal]) -> None:
    try:
        made = values.series("n", found, "decimal(20,3)")
    except (TypeError, ValueError, ArithmeticError):
        return
    assert made.to_list() == found
