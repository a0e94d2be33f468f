"""Each task of `train` learns from real rows, scores them by its own metrics, and refuses what it cannot read in one message."""

from __future__ import annotations

import io
import pickle
from typing import Any

import numpy as np
import polars as pl
import pytest
from sklearn import datasets

from lakehouse.core.errors import RecipeError
from lakehouse.core.spec import Call
from lakehouse.pilot.controls import TrainColumns, noise, shuffled_labels
from lakehouse.pilot.evaluation import EVALUATIONS, Data
from lakehouse.pilot.metrics import summary
from lakehouse.pilot.scores import Scores

from ..conftest import remarks


def scores(data: Data, **params: Any) -> Scores:
    """The evaluation in this process: a worker adds seconds and nothing else."""
    call = Call.model_validate({"train": params})
    return EVALUATIONS.entry(call).function(**EVALUATIONS.bind(call))(data)  # type: ignore[no-any-return]


def data(rows: pl.DataFrame) -> Data:
    """Every fifth row is a test row."""
    numbered = rows.with_columns(_row_id=pl.format("r/{}", pl.int_range(pl.len()).cast(pl.String).str.zfill(5)))
    test = pl.int_range(pl.len()) % 5 == 0
    return Data(numbered.filter(~test), {"test": numbered.filter(test)})


def mean(found: Scores, metric: str) -> float:
    return float(summary(found.predictions, found.scoring)[metric]["mean"])  # type: ignore[arg-type]


def wine() -> pl.DataFrame:
    loaded = datasets.load_wine(as_frame=True)
    rows = pl.from_pandas(loaded.frame).drop("target").with_columns(kind=pl.Series([f"酒{t}" for t in loaded.target]))
    hue = pl.when(pl.col("hue") > 1).then(pl.lit("深")).when(pl.col("hue") > 0.7).then(pl.lit("浅"))
    return rows.with_columns(shade=hue, ash=pl.when(pl.int_range(pl.len()) % 9 > 0).then("ash"))


def patients() -> pl.DataFrame:
    return pl.from_pandas(datasets.load_diabetes(as_frame=True).frame)


def digits(n: int = 400) -> pl.DataFrame:
    from PIL import Image

    def encoded(greys: np.ndarray[Any, Any]) -> bytes:
        out = io.BytesIO()
        Image.fromarray((greys / 16 * 255).astype(np.uint8)).save(out, format="PNG")
        return out.getvalue()

    loaded = datasets.load_digits()
    return pl.DataFrame({"picture": [encoded(i) for i in loaded.images[:n]], "digit": loaded.target[:n]})


PEOPLE, PLACES = ["王芳", "李小明", "赵雷", "陈静", "刘洋", "周杰"], ["北京", "上海", "广州", "成都市", "西安", "杭州"]


def news(n: int = 120) -> pl.DataFrame:
    """Sentences written for this test, a token a character: who is where."""
    forms = ["{p}昨天到了{l}。", "在{l}工作的{p}说很好", "{l}的{p}买了书", "我们和{p}去{l}吧"]
    tokens, labels = [], []
    for i in range(n):
        person, place = PEOPLE[i % 6], PLACES[i // 6 % 6]
        text, tags = "", []
        for part in forms[i % 4].replace("{p}", "|p|").replace("{l}", "|l|").split("|"):
            word, kind = (person, "PER") if part == "p" else (place, "LOC") if part == "l" else (part, "")
            text += word
            tags += [f"{'I' if at else 'B'}-{kind}" for at in range(len(word))] if kind else ["O"] * len(word)
        tokens.append(list(text))
        labels.append(tags)
    return pl.DataFrame({"tokens": tokens, "tags": labels})


WINE = ["alcohol", "ash", "hue", "proline", "shade"]


def test_tables_to_classes_with_missing_cells_and_unseen_categories() -> None:
    rows = data(wine())
    test = rows.sets["test"].with_columns(shade=pl.lit("无"))
    found = scores(Data(rows.train, {"test": test}), task="tabular_classification", features=WINE, label="kind", seeds=[1, 2])
    assert mean(found, "macro_f1") > 0.8
    assert set(found.predictions["label"].unique()) == {"酒0", "酒1", "酒2"}
    table = pl.read_csv(found.files["test/importance.csv"])
    assert sorted(table["column"]) == sorted(WINE)
    assert table["importance"].is_sorted(descending=True)
    assert table.filter(pl.col("column") == "shade")["importance"].item() == 0, "one value in all rows says nothing"
    assert found.files["test/importance.png"].startswith(b"\x89PNG")


def test_tables_to_numbers_are_those_of_scikit_learn() -> None:
    from sklearn.ensemble import HistGradientBoostingRegressor
    from sklearn.metrics import root_mean_squared_error

    rows, columns = data(patients()), [c for c in patients().columns if c != "target"]
    found = scores(rows, task="tabular_regression", features=columns, label="target", seeds=[3], trees=40)
    model = HistGradientBoostingRegressor(max_iter=40, max_features=0.5, early_stopping=False, random_state=3)
    model.fit(rows.train.select(columns).to_numpy(), rows.train["target"].to_numpy())
    test = rows.sets["test"]
    assert mean(found, "rmse") == pytest.approx(root_mean_squared_error(test["target"], model.predict(test.select(columns).to_numpy())))
    assert found.scoring.name == "regression"


def test_numbers_to_a_number_linearly() -> None:
    columns = ["bmi", "bp", "s5", "age"]
    rows = patients().with_columns(target=pl.when(pl.int_range(pl.len()) < 10).then(None).otherwise("target"))
    found = scores(data(rows), task="regression", features=columns, label="target", seeds=[1, 2], epochs=30, loss_curve=True)
    assert 0.3 < mean(found, "r2") < 0.6
    assert found.notes["unlabelled"] == 10
    assert len(found.steps["loss.train"]) == len(found.steps["loss.test"]) == 30
    assert found.steps["loss.train"][-1] < found.steps["loss.train"][0]
    assert found.model is not None
    assert len(pickle.loads(found.model.pickled).predict(found.model.example.to_pandas())) == 3


def test_text_to_a_number() -> None:
    rows = remarks(200).with_columns(stars=pl.when(pl.col("label") == "好评").then(5.0).otherwise(1.0)).drop("_row_id")
    found = scores(data(rows), task="regression", input="text", label="stars", seeds=[1])
    assert mean(found, "rmse") < 0.5


def test_pictures_to_classes() -> None:
    found = scores(data(digits()), task="image_classification", input="picture", label="digit", size=8, seeds=[1])
    assert mean(found, "accuracy") > 0.9
    assert found.notes["features"] == 64 + 16 * 9
    assert found.model is None


def test_chinese_characters_to_tags() -> None:
    found = scores(data(news()), task="sequence_labelling", input="tokens", label="tags", seeds=[1, 2])
    assert mean(found, "f1") > 0.95
    assert {"f1.PER", "f1.LOC", "token_accuracy", "precision"} <= set(summary(found.predictions, found.scoring))
    again = scores(data(news()), task="sequence_labelling", input="tokens", label="tags", seeds=[1, 2])
    assert again.predictions.equals(found.predictions), "the same seeds give the same tags"


def test_text_to_bits() -> None:
    rows = data(remarks(200).drop("_row_id").with_columns(text=pl.when(pl.int_range(pl.len()) > 2).then("text")))
    found = scores(rows, task="language_modelling", input="text")
    assert 0 < mean(found, "bits_per_byte") < 2
    assert mean(found, "perplexity") > 1
    assert found.notes["unlabelled"] == 3
    assert found.predictions["seed"].unique().to_list() == [1], "nothing is random: one training"
    strange = rows.sets["test"].with_columns(text=pl.lit("zqxj kvwy §§"))
    assert mean(scores(Data(rows.train, {"test": strange}), task="language_modelling", input="text"), "bits_per_byte") > 4


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"task": "tabular_regression", "features": ["bmi"], "label": "target", "analyzer": "char"}, "does not know `analyzer`"),
        ({"task": "language_modelling", "input": "text", "label": "label"}, "does not know `label`"),
        ({"task": "tabular_regression", "features": ["bmi"], "label": "target", "epochs": 20}, "tabular_regression does not know `epochs`"),
        ({"task": "text_classification", "input": "text", "label": "label", "trees": 100}, "text_classification does not know `trees`"),
        ({"task": "text_classification", "input": "text"}, "needs `label`"),
        ({"task": "regression", "label": "target"}, "from `input`, a text, or from `features`"),
        ({"task": "tabular_classification", "features": ["a", "a"], "label": "b"}, "each once"),
        ({"task": "image_classification", "input": "p", "label": "d", "size": 30}, "size 30"),
        ({"task": "language_modelling", "input": "text", "loss_curve": True}, "not learnt epoch by epoch"),
        ({"task": "text_classification", "input": "text", "label": "label", "curve": [0.5, 0.1, 1.0]}, "rising shares"),
    ],
)
def test_parameters_that_do_not_fit_are_one_message(params: dict[str, Any], words: str) -> None:
    call = Call.model_validate({"train": params})
    with pytest.raises(RecipeError, match=words) as refused:
        EVALUATIONS.entry(call).function(**EVALUATIONS.bind(call))
    assert refused.value.fix


@pytest.mark.parametrize(
    ("rows", "params", "words"),
    [
        (patients().with_columns(bmi=pl.lit("x")), {"task": "regression", "features": ["bmi"], "label": "target"}, "`bmi` of the train"),
        (wine(), {"task": "tabular_regression", "features": ["ash"], "label": "kind"}, "`kind` of the train rows is String, not a number"),
        (wine(), {"task": "image_classification", "input": "shade", "label": "kind"}, "not bytes"),
        (wine(), {"task": "sequence_labelling", "input": "shade", "label": "kind"}, "not a list of texts"),
        (wine(), {"task": "tabular_classification", "features": ["colour"], "label": "kind"}, "no column `colour`"),
        (
            news().with_columns(tags=pl.col("tags").list.head(2)),
            {"task": "sequence_labelling", "input": "tokens", "label": "tags"},
            r"row r/00001 has \d+ tokens and 2 tags",
        ),
        (
            news().with_columns(tags=pl.col("tags").list.eval(pl.element().str.replace("B-", "S-"))),
            {"task": "sequence_labelling", "input": "tokens", "label": "tags"},
            "has the tag 'S-",
        ),
        (
            digits(20).with_columns(picture=pl.lit(b"no picture")),
            {"task": "image_classification", "input": "picture", "label": "digit"},
            "of row r/00001 is no picture",
        ),
    ],
)
def test_rows_that_do_not_fit_are_one_message(rows: pl.DataFrame, params: dict[str, Any], words: str) -> None:
    with pytest.raises(RecipeError, match=words) as refused:
        scores(data(rows), **params)
    assert refused.value.fix


def test_controls_of_other_tasks() -> None:
    tagged = news(40)
    shuffled = shuffled_labels(tagged, TrainColumns("tokens", "tags"), 1)
    assert shuffled["tags"].list.len().equals(tagged["tags"].list.len())
    assert shuffled["tags"].explode().sort().equals(tagged["tags"].explode().sort())
    assert not shuffled["tags"].equals(tagged["tags"])
    noisy = noise(tagged, TrainColumns("tokens", "tags"), 1)
    assert noisy["tokens"].list.len().equals(tagged["tokens"].list.len())
    cells = noise(wine(), TrainColumns(None, "kind", ("ash", "shade")), 1)
    assert cells.drop("ash", "shade").equals(wine().drop("ash", "shade"))
    assert 0.5 < (cells["ash"].eq_missing(wine()["ash"])).mean() < 0.95  # type: ignore[operator]
    with pytest.raises(RecipeError, match="cannot put noise into `picture`"):
        noise(digits(5), TrainColumns("picture", "digit"), 1)
