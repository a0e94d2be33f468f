import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakehouse.operations.maintenance.intervals import entropy, evenness, ratio_of_groups, wilson


@given(st.integers(1, 10_000).flatmap(lambda of: st.tuples(st.integers(0, of), st.just(of))))
def test_a_shares_interval_lies_in_zero_to_one_around_it_and_narrows_with_more_rows(counted: tuple[int, int]) -> None:
    hits, of = counted
    low, high = wilson(hits, of)
    assert 0 <= low <= hits / of <= high <= 1
    assert low < high
    wider_low, wider_high = low, high
    low, high = wilson(hits * 10, of * 10)
    assert high - low < wider_high - wider_low


@given(st.integers(1, 10_000).flatmap(lambda of: st.tuples(st.integers(0, of), st.just(of))))
def test_hits_and_misses_have_mirrored_intervals(counted: tuple[int, int]) -> None:
    hits, of = counted
    low, high = wilson(hits, of)
    assert wilson(of - hits, of) == pytest.approx((1 - high, 1 - low))


def test_wilsons_interval_is_that_of_the_books() -> None:
    # Newcombe 1998, table I: 81 of 263, and 0 of 20.
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=1e-4)
    assert wilson(0, 20) == pytest.approx((0.0, 0.1611), abs=1e-4)


@pytest.mark.parametrize(("hits", "of"), [(1, 0), (3, 2), (-1, 2)])
def test_what_is_no_share_is_refused(hits: int, of: int) -> None:
    with pytest.raises(ValueError, match="is no share"):
        wilson(hits, of)


@given(st.lists(st.integers(1, 500), min_size=2, max_size=8))
def test_entropy_is_largest_for_equal_counts_and_its_interval_holds_it(counts: list[int]) -> None:
    most = math.log2(len(counts))
    assert 0 <= entropy(counts) <= most + 1e-9
    assert entropy([7] * len(counts)) == pytest.approx(most)
    low, high = evenness(counts)
    assert 0 <= low <= entropy(counts) / most + 1e-9
    assert entropy(counts) / most - 1e-9 <= high <= 1


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(50, 100)), min_size=1, max_size=10))
def test_the_interval_of_a_ratio_holds_it_and_one_group_says_nothing(groups: list[tuple[int, int]]) -> None:
    above, below = [a for a, _ in groups], [b for _, b in groups]
    low, high = ratio_of_groups(above, below)
    assert 0 <= low <= sum(above) / sum(below) <= high <= 1
    if len(groups) == 1:
        assert (low, high) == (0.0, 1.0)
