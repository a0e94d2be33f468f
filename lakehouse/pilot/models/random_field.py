"""Tokens to tags: a linear-chain conditional random field."""

from __future__ import annotations

import ctypes
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from lakehouse.core.errors import RecipeError
from lakehouse.core.extras import install_command
from lakehouse.pilot.models.learner import TRUTH, Explanation, Learner
from lakehouse.pilot.parameters import Positive


class RandomField(Learner):
    """A conditional random field (Lafferty et al. 2001) on the token, its neighbours, its ends and its shape, by CRFsuite (Okazaki 2007).

    Learnt by stochastic gradient descent with L2 regularisation in a fixed number of `epochs`; the seed orders the rows. A token is what
    the column says it is: a word, or a Chinese character. Labels are tags in the IOB2 or BIO scheme.
    """

    def __init__(self, *, input: str, label: str, epochs: Positive = 20) -> None:
        _crfsuite()
        self.input, self.label, self.epochs = input, label, epochs
        self.needs = {input: "tokens", label: "tokens"}

    def labelled(self, rows: pl.DataFrame) -> pl.DataFrame:
        label = str(self.label)
        tokens, tags = pl.col(self.input), pl.col(label)
        kept = rows.filter(tokens.list.len() > 0, tags.is_not_null(), ~tags.list.eval(pl.element().is_null()).list.any())
        for row, has, should in (
            kept.filter(tokens.list.len() != tags.list.len()).select("_row_id", tags.list.len(), tokens.list.len()).head(1).iter_rows()
        ):
            raise RecipeError(
                f"train: row {row} has {should} tokens and {has} tags", fix="correct the row, or take it out with a recipe step"
            )
        wrong = kept.select("_row_id", label).explode(label).filter(~pl.col(label).str.contains(r"^(O|[BI]-\S+)$"))
        for row, tag in wrong.head(1).iter_rows():
            raise RecipeError(f"train: row {row} has the tag {tag!r}", fix="tags are O, B-TYPE and I-TYPE, without spaces")
        return kept.with_columns(tags.list.join(" ").alias(TRUTH))

    def learn_features(self, rows: pl.DataFrame) -> tuple[Any, Any]:
        return None, self.features(None, rows)

    def features(self, learnt: Any, rows: pl.DataFrame) -> Any:
        # CRFsuite takes the names of features token by token.
        return [described(tokens) for tokens in rows[self.input].to_list()]

    def fit(self, features: Any, rows: pl.DataFrame, seed: int) -> Any:
        crf = _crfsuite()
        trainer = crf.Trainer(algorithm="l2sgd", verbose=False)
        # No early end: with a period longer than the training CRFsuite never compares epochs.
        trainer.set_params({"max_iterations": self.epochs, "period": self.epochs + 1, "c2": 1.0, "feature.possible_transitions": True})
        tags = rows[TRUTH].str.split(" ").to_list()
        for at in np.random.default_rng(seed).permutation(rows.height):
            trainer.append(features[at], tags[at])
        # CRFsuite shuffles by the C library's generator.
        ctypes.CDLL(None).srand(seed)
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder, "model.crfsuite")
            trainer.train(str(file))
            return file.read_bytes()

    def predict(self, model: Any, features: Any, rows: pl.DataFrame) -> pl.Series:
        tagger = _crfsuite().Tagger()
        tagger.open_inmemory(model)
        return pl.Series([" ".join(tagger.tag(tokens)) for tokens in features], dtype=pl.String)

    def explained(self, model: Any, learnt: Any, sets: Any, seed: int) -> Explanation:
        return Explanation(files={"model.crfsuite": model})


def described(tokens: Sequence[str | None]) -> list[list[str]]:
    """The features of each token by name."""
    words = [(token or "").lower() for token in tokens]
    padded = ["<2", "<1", *words, "1>", "2>"]
    out = []
    for at, token in enumerate(tokens):
        word, (before2, before, _, after, after2) = words[at], padded[at : at + 5]
        out.append(
            [
                "bias",
                f"w={word}",
                f"p3={word[:3]}",
                f"s3={word[-3:]}",
                f"s2={word[-2:]}",
                f"shape={shape(token or '')}",
                f"-1={before}",
                f"+1={after}",
                f"-2={before2}",
                f"+2={after2}",
                f"-1,0={before} {word}",
                f"0,+1={word} {after}",
                f"-1shape={shape(tokens[at - 1] or '') if at else '<'}",
                f"+1shape={shape(tokens[at + 1] or '') if at + 1 < len(tokens) else '>'}",
            ]
        )
    return out


def shape(token: str) -> str:
    """Kinds of characters, each run once: `Xx` for London, `c` for ideographs, `d` for digits, a mark as it stands."""
    kinds: list[str] = []
    for c in token:
        kind = "X" if c.isupper() else "x" if c.islower() else "d" if c.isdigit() else "c" if c.isalpha() else c
        if not kinds or kinds[-1] != kind:
            kinds.append(kind)
    return "".join(kinds)


def _crfsuite() -> Any:
    try:
        import pycrfsuite
    except ImportError as error:
        raise RecipeError("train: sequence_labelling needs the package python-crfsuite", fix=install_command("sequences")) from error
    return pycrfsuite
