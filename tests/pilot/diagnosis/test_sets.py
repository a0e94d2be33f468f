"""Drift, coverage and leaks: what was planted is found and named, and where nothing is nothing is found."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import ks_2samp
from sklearn.metrics import roc_auc_score

from lakehouse.core.spec import RepairPolicy
from lakehouse.pilot.diagnosis.classes.leaks import decisive
from lakehouse.pilot.diagnosis.coverage import gaps
from lakehouse.pilot.diagnosis.drift import auc_interval, column_drifts, columns_of, two_sample_test
from lakehouse.pilot.diagnosis.terms import telling, words


def points(rows: int, centre: list[float], seed: int, spread: float = 0.3) -> NDArray[np.float32]:
    made = np.array(centre) + np.random.default_rng(seed).normal(0, spread, (rows, len(centre)))
    return (made / np.linalg.norm(made, axis=1, keepdims=True)).astype(np.float32)


@given(st.lists(st.tuples(st.integers(0, 1), st.integers(-4, 4)), min_size=2, max_size=40))
def test_the_auc_is_that_of_scikit_learn(rows: list[tuple[int, int]]) -> None:
    side, scores = np.array([r[0] for r in rows]), np.array([float(r[1]) for r in rows])
    if len(set(side)) < 2:
        return
    auc, low, high = auc_interval(scores, side, np.arange(len(rows)), np.zeros(len(rows), dtype=np.int64))
    assert auc == pytest.approx(roc_auc_score(side, scores))
    assert 0 <= low <= auc <= high <= 1


def test_copies_of_rows_make_the_interval_no_narrower() -> None:
    rng = np.random.default_rng(5)
    side = np.repeat([0, 1], 100)
    scores, fold = rng.normal(side * 0.8, 1.0), np.zeros(200, dtype=np.int64)
    _, low, high = auc_interval(scores, side, np.arange(200), fold)
    twice = [np.tile(part, 4) for part in (scores, side, np.arange(200), fold)]
    assert auc_interval(*twice)[1:] == pytest.approx((low, high), abs=0.01)


def test_sides_of_one_kind_are_not_told_apart_and_others_are() -> None:
    one = points(600, [1, 0, 0, 0], 1)
    same = two_sample_test(one, points(300, [1, 0, 0, 0], 2), np.arange(900))
    assert same is not None
    assert not same.found
    assert same.low < 0.5
    other = two_sample_test(one, points(300, [1, 0.4, 0, 0], 3), np.arange(900))
    assert other is not None
    assert other.found
    assert two_sample_test(one, one[:20], np.arange(620)) is None  # too few to say


def test_the_column_that_moved_is_named_and_the_others_are_not() -> None:
    rng = np.random.default_rng(1)
    one = pl.DataFrame(
        {"label": rng.choice(["好评", "差评"], 2000), "price": rng.normal(10, 2, 2000), "shop": rng.choice(list("abc"), 2000)}
    )
    other = pl.DataFrame(
        {"label": rng.choice(["好评", "差评"], 500), "price": rng.normal(12, 2, 500), "shop": rng.choice(list("abc"), 500)}
    )
    found = {each.column: each for each in column_drifts(one, other)}
    assert [name for name, each in found.items() if each.found] == ["price"]
    assert found["price"].statistic == pytest.approx(ks_2samp(one["price"], other["price"]).statistic)
    assert found["price"].place.startswith("above")
    assert (other["price"].to_numpy()[found["price"].rows] > 12).all()
    assert 0 <= found["shop"].js < found["price"].js <= 1


@given(st.lists(st.sampled_from("abcd"), min_size=1, max_size=60), st.lists(st.sampled_from("abcd"), min_size=1, max_size=60))
def test_equal_shares_have_no_distance_and_no_distance_is_negative(left: list[str], right: list[str]) -> None:
    one, other = pl.DataFrame({"kind": left}), pl.DataFrame({"kind": right})
    for each in column_drifts(one, other):
        assert each.psi >= 0
        assert 0 <= each.js <= 1
        assert each.adjusted >= each.p
    for each in column_drifts(one, one):
        assert each.psi == pytest.approx(0)


def test_the_shape_of_texts_is_compared() -> None:
    rows = pl.DataFrame({"text": ["很好 12", "OK\nfine!", None], "label": ["a", "b", "a"]})
    found = columns_of(rows, "text", "label")
    assert found["lines"].to_list() == [1, 2, 1]
    assert found["share of Chinese"].to_list() == pytest.approx([0.4, 0, 0])
    assert found["share of digits"].to_list() == pytest.approx([0.4, 0, 0])


def test_a_topic_that_train_lacks_is_a_region() -> None:
    train = np.vstack([points(300, [1, 0, 0, 0], 1, 0.1), points(300, [0, 1, 0, 0], 2, 0.1)])
    scored = np.vstack([points(200, [1, 0, 0, 0], 3, 0.1), points(12, [0, 0, 1, 0], 4, 0.02)])
    groups = np.arange(600), 600 + np.arange(212)
    found = gaps(train, groups[0], scored, groups[1])
    assert [set(region.tolist()) for region in found.regions] == [set(range(200, 212))]
    copies = groups[1].copy()
    copies[200:] = 999  # one text twelve times is one text
    assert gaps(train, groups[0], scored, copies).regions == ()
    assert gaps(train, groups[0], scored[:200], groups[1][:200]).regions == ()


def test_copies_do_not_cover_a_row() -> None:
    train = np.repeat(points(100, [1, 0, 0], 1, 0.5), 2, axis=0)
    twins = gaps(train, np.repeat(np.arange(100), 2), train[:1], np.array([500]))
    alone = gaps(train[::2], np.arange(100), train[:1], np.array([500]))
    assert twins.reach == pytest.approx(alone.reach)


def test_words_of_chinese_and_of_others_tell_texts_apart() -> None:
    texts = pl.Series(["酒店位置不错", "酒店早餐不错", "手机屏幕很好", "手机电池很好", "A Hotel room"] * 10)
    found = words(texts)
    assert "酒店" in found[0]
    assert set(found[4]) == {"hotel", "room"}
    hotel = texts.str.contains("酒店|Hotel").to_numpy()
    common = pl.Series(["plain text here"] * 150)
    assert "酒店" in telling(words(pl.concat([texts, common])), np.concatenate([hotel, np.zeros(150, dtype=bool)]))
    assert telling(found, np.zeros(50, dtype=bool)) == []


def leaky(rows: int = 400) -> tuple[pl.Series, NDArray[np.int64], pl.Series]:
    """Texts of two classes about which `item3` says nothing; every third of class 1 begins with a header, every fourth is from one shop."""
    labels = np.arange(rows) % 2
    texts = [
        f"{'from: desk7 ' if at % 6 == 1 else ''}some words about item{at % 5} {'late broken again' if label else 'great and quick'} "
        f"{'shopword ' if at % 8 == 3 else ''}and much more text follows here"
        for at, label in enumerate(labels)
    ]
    return pl.Series(texts), labels, pl.Series(["east" if at % 8 == 3 else "west" for at in range(rows)])


def test_a_header_and_the_word_of_one_source_are_leaks_and_what_the_class_is_about_is_none() -> None:
    from sklearn.feature_extraction.text import TfidfVectorizer

    texts, labels, sources = leaky()
    vectorizer = TfidfVectorizer(min_df=2)
    features = vectorizer.fit_transform(texts.to_list())
    terms = vectorizer.get_feature_names_out()
    found = {str(terms[one.term]): one for one in decisive(features, labels, terms, texts, sources)}
    assert set(found) == {"desk7", "shopword"} or set(found) == {"from", "shopword"}
    header = found.get("desk7") or found["from"]
    assert (header.place, header.source, header.of) == ("beginning", None, 1)
    assert {str(terms[term]) for term in header.family} == {"desk7", "from"}
    assert (found["shopword"].source, found["shopword"].precision) == ("east", 1.0)
    assert header.recall == pytest.approx(1 / 3, abs=0.01)
    assert decisive(sp.csr_array((400, 3)), labels, ["a", "b", "c"], texts, sources) == []


@pytest.mark.parametrize("on", ["coverage", "drift", "leak"])
def test_what_is_missing_or_differs_takes_no_row_out(on: str) -> None:
    assert RepairPolicy(on=on, action="recollect").on == on  # type: ignore[arg-type]
    for action in ("drop", "relabel"):
        with pytest.raises(ValueError, match="recollect, queue or propose"):
            RepairPolicy(on=on, action=action)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="suggests no other label"):
        RepairPolicy(on="influence", action="relabel")
