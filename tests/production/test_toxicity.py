"""`toxicity` against the library whose model it is."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lakehouse.core.errors import MissingExtraError
from lakehouse.production.engine.operator import with_measured
from tests.production.test_operators import plan, verdicts

profanity_check = pytest.importorskip("profanity_check", reason="THE EXTRA `toxicity` IS NOT INSTALLED: toxicity is not tested")

COMMENTS = [
    "you are an idiot and a stupid bitch",
    "Have a nice day, friend!",
    "The meeting is at three. The meeting is long.",
    "这个商品很好",
    "",
    "SHUT UP, you damn_fool",
    "naïve café—crap! 你这个 idiot呀",
]


def probabilities(column: list[str | None]) -> list[float | None]:
    made = plan("toxicity", column="text")
    texts = pl.DataFrame({"text": column}, schema={"text": pl.String})
    return texts.lazy().pipe(with_measured, made.signals).collect()["probability"].to_list()


words = st.sampled_from([word for comment in COMMENTS for word in comment.split()] + ["İ", "ΑΣ", "a", "x1", "_", "ass", "hell's"])


@given(st.lists(st.text(max_size=40) | st.lists(words, max_size=15).map(" ".join), min_size=1, max_size=5))
@example(COMMENTS)
def test_the_compiled_classifier_says_what_the_library_says(column: list[str]) -> None:
    assert probabilities([*column]) == pytest.approx(profanity_check.predict_prob(column).tolist(), abs=1e-9)


def test_an_offensive_text_leaves() -> None:
    comments = pl.DataFrame({"text": [*COMMENTS[:4], None]})
    assert verdicts(plan("toxicity", column="text"), comments) == ["toxic", None, None, None, "no_signal"]
    assert verdicts(plan("toxicity", column="text", at_most=1.0), comments)[0] is None
    assert plan("toxicity", column="text", action="quarantine").action == "quarantine"


def test_without_its_extra_it_says_which_one_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"the extra `toxicity`"):
        plan("toxicity", column="text")
