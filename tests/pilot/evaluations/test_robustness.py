"""Noise is the same for the same row, and what it costs is counted on the same rows as without it."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, f1_score

from lakehouse.core.errors import NotFoundError, RecipeError, SpecError
from lakehouse.core.spec import Call
from lakehouse.pilot.evaluation import EVALUATIONS, Data, DataOrigin
from lakehouse.pilot.inference.noise import noises, whitespace
from lakehouse.pilot.inference.reliability import accuracy, macro_f1
from lakehouse.pilot.pilot import pilot
from lakehouse.pilot.scores import Scores

from ...production.endpoint_server import MODEL, completion, model_server
from ..conftest import Factory, remarks
from ..test_worker import data

COLUMNS = {"input": "text", "label": "label"}


def scores(parts: Data, **params: object) -> Scores:
    call = Call.model_validate({"robustness": {**COLUMNS, "seeds": [1, 2], **params}})
    return EVALUATIONS.entry(call).function(**EVALUATIONS.bind(call))(parts)  # type: ignore[no-any-return]


def english_remarks() -> pl.DataFrame:
    """Remarks whose label is in their English words alone."""
    return remarks().with_columns(pl.col("text").str.replace_all(r"\p{Han}+", ""))


def row_ids(n: int) -> pl.Series:
    return pl.Series("_row_id", [f"orders_raw/{i}" for i in range(n)])


def test_noise_that_spoils_every_word_costs_accuracy_and_the_drop_is_the_difference() -> None:
    found = scores(data(english_remarks()), noise=[{"whitespace": {"rate": 1.0}}, {"typos": {"rate": [0.0, 1.0]}}]).metrics["test"]
    assert found["clean_accuracy"] == [1.0, 1.0]
    assert found["drop.typos_0"] == [0.0, 0.0]
    assert found["flips.typos_0"] == found["changed.typos_0"] == [0.0, 0.0]
    assert found["changed.typos_1"] == [1.0, 1.0]
    assert found["accuracy.typos_1"][0] < 1
    for noise in ("typos_1", "whitespace_1"):
        for seed in (0, 1):
            assert found[f"drop.{noise}"][seed] == pytest.approx(1 - found[f"accuracy.{noise}"][seed])
    worst = [max(found[f"drop.{noise}"][seed] for noise in ("typos_0", "typos_1", "whitespace_1")) for seed in (0, 1)]
    assert found["worst_drop"] == worst


def test_chinese_texts_get_chinese_noise_and_english_ones_do_not() -> None:
    chinese = noises(None, "text", pl.Series(["很好"]), DataOrigin())
    english = noises(None, "text", pl.Series(["fine", None]), DataOrigin())
    assert list(english) == ["typos_0.05", "case_noise", "punctuation_noise_0.3", "whitespace_0.1"]
    assert list(chinese) == [*english, "homophones_0.05", "look_alikes_0.05"]


def test_the_same_row_gets_the_same_noise_whatever_stands_beside_it() -> None:
    rows = pl.DataFrame({"_row_id": row_ids(40), "text": ["这家酒店很好，服务也不错 and the staff was friendly, too!"] * 40})
    for name, noise in noises(None, "text", rows["text"], DataOrigin()).items():
        whole, part = noise(rows), noise(rows[10:20])
        assert whole[10:20].to_list() == part.to_list(), name
        assert name == "case_noise" or whole.n_unique() > 2, name


def test_two_noises_of_one_name_are_numbered() -> None:
    declared = [{"typos": {"rate": 0.1, "kinds": ["swap"]}}, {"typos": {"rate": 0.1, "kinds": ["drop"]}}]
    assert list(noises(declared, "text", pl.Series(["a"]), DataOrigin())) == ["typos_0.1", "typos_0.1-2"]


@pytest.mark.parametrize(
    ("noise", "words"),
    [
        ("typo", "unknown operator `typo`"),
        ("redact", "`redact` makes no noise"),
        ({"generate": {"prompt": "{text}"}}, "`generate` makes no noise"),
        ({"typos": {"rate": 1.5}}, "rate"),
        ({"typos": {"rate": [0.1, "much"]}}, "rate"),
        ({"whitespace": {"share": 0.1}}, "one parameter, `rate`"),
        ({"typos": {}, "case_noise": {}}, "is no call"),
    ],
)
def test_a_noise_that_is_none_is_refused_at_its_declaration(noise: object, words: str) -> None:
    with pytest.raises(SpecError, match=words):
        EVALUATIONS.bind(Call.model_validate({"robustness": {**COLUMNS, "noise": [noise]}}))


def test_synonyms_read_their_table_in_the_project(factory: Factory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAKEHOUSE_PROJECT", str(factory.root))
    declared = [{"synonyms": {"table": "words.csv", "rate": 1.0}}]
    with pytest.raises(NotFoundError, match=r"no file words.csv"):
        noises(declared, "text", pl.Series(["a"]), DataOrigin())
    (factory.root / "words.csv").write_text("great,superb\n", encoding="utf-8")
    (noise,) = noises(declared, "text", pl.Series(["a"]), DataOrigin()).values()
    assert noise(pl.DataFrame({"_row_id": row_ids(1), "text": ["great"]})).to_list() == ["superb"]


def test_a_gate_names_a_metric_of_the_noise_and_the_run_holds_the_picture(factory: Factory) -> None:
    factory.declare(
        evaluations=[{"robustness": {**COLUMNS, "seeds": [1], "noise": [{"typos": {"rate": 1.0}}]}}],
        gates=[{"evaluation": "robustness", "metric": "worst_drop", "at_most": 0.01}, {"metric": "macro_f1", "at_least": 0.5}],
    )
    factory.make(english_remarks())
    done = pilot(factory.project, "orders")
    assert [(v.metric, v.verdict) for v in done.verdicts] == [("worst_drop", "missed"), ("macro_f1", "met")]
    assert done.verdicts[0].value == done.metrics["robustness"]["test"]["drop.typos_1"]["mean"]
    assert any(file.name == "robustness.png" for file in (factory.root / "mlruns").rglob("*.png"))
    assert pilot(factory.project, "orders").unchanged


def test_paraphrases_count_where_the_model_answered(factory: Factory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAKEHOUSE_PROJECT", str(factory.root))
    always = {"terrible": ("status", 400, {}, "no"), "great": ("body", completion("terrible refund"))}
    with model_server(always=always) as server:
        found = scores(data(remarks()), noise=["case_noise"], paraphrase={"url": server.url, "model": MODEL}).metrics["test"]
    rows = data(remarks()).sets["test"]
    answered = rows.filter(~pl.col("text").str.contains("terrible"))
    assert found["answered.paraphrase"] == [answered.height / rows.height] * 2
    right = answered.filter(pl.col("label") == "差评").height / answered.height
    assert found["accuracy.paraphrase"] == pytest.approx([right] * 2)
    assert found["drop.paraphrase"] == pytest.approx([1 - right] * 2)


def test_a_column_that_is_not_there_and_ngrams_that_cannot_be_are_one_message() -> None:
    with pytest.raises(RecipeError, match="robustness: the train rows have no column `comment`"):
        scores(data(remarks()), input="comment")
    with pytest.raises(RecipeError, match=r"robustness: ngrams \[3, 1\]"):
        scores(data(remarks()), ngrams=[3, 1])
    with pytest.raises(RecipeError, match="holds 1 class of `label`"):
        scores(data(remarks().with_columns(label=pl.lit("好评"))))


blanks = st.lists(st.one_of(st.none(), st.text(alphabet="很好吗 ab,\t𠀀é", max_size=12)), max_size=8)


@given(blanks, st.floats(0, 1))
def test_whitespace_changes_blanks_alone(texts: list[str | None], rate: float) -> None:
    column = pl.Series("text", texts, dtype=pl.String)
    seeds = pl.Series(range(len(texts)), dtype=pl.UInt64)
    changed = whitespace(column, seeds, rate).to_list()
    assert [text.replace(" ", "") for text in changed] == [(text or "").replace(" ", "") for text in texts]
    if rate == 0:
        assert changed == [text or "" for text in texts]


def test_whitespace_of_rate_one_reaches_every_place() -> None:
    changed = whitespace(pl.Series(["很好 a b", "ab"]), pl.Series([1, 2], dtype=pl.UInt64), 1.0)
    assert changed[0].startswith("很 好")
    assert changed[0].removeprefix("很 好") in {"ab", "  ab", "a  b", "  a  b"}
    assert changed[1] == "ab"


names = st.sampled_from(["好评", "差评", "none", "b"])


@given(st.lists(st.tuples(names, names), min_size=1, max_size=30))
def test_accuracy_and_macro_f1_are_those_of_scikit_learn(pairs: list[tuple[str, str]]) -> None:
    truth, predicted = (list(side) for side in zip(*pairs, strict=True))
    assert accuracy(pl.Series(truth), pl.Series(predicted)) == pytest.approx(accuracy_score(truth, predicted))
    expected = f1_score(truth, predicted, average="macro", zero_division=0)
    assert macro_f1(pl.Series(truth), pl.Series(predicted)) == pytest.approx(expected)
