"""Groups of rows of one label that share a direction of their own and nothing else: what was put into texts that keep their label."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from lakehouse.reserve.screening.detector import DETECTORS, FOUND, AllRowsLook
from lakehouse.reserve.screening.vectors import Unit, coded, grams, weighted

Floats = NDArray[np.float64]
_SIZES: dict[Unit, tuple[int, int]] = {"words": (1, 3), "characters": (3, 5)}
_WORDS: dict[Unit, tuple[int, int]] = {"words": (1, 1), "characters": (1, 2)}
_FEATURES = 1 << 21
_PURE, _MOST = 0.9, 0.1
"""A phrase carries one label in nine texts of ten, and is in a tenth of the texts of that label at most."""
_SAME = 0.8
"""Jaccard similarity of the texts of two n-grams from which they are one phrase."""
_HELD, _TIMES = 0.4, 5.0
_ALL: dict[Unit, float] = {"words": 0.9, "characters": 2.0}
"""A word makes up a phrase where it is in two fifths of its texts and five times as often as in the label, or in nine tenths of its
texts. Usual characters (in nine tenths, not five times as often) never do: phrases of nothing else are turns of speech with any topic."""
_DIMENSIONS, _SPLITS, _DRAWN, _STRATUM = 50, 4, 20, 50
_CARRIERS = 100
"""So many texts of a phrase are compared with each other at most."""
_FEWEST = 8
"""Phrases of a label that are needed to know its usual values."""
_CONFIDENCE = 1.645


@DETECTORS.register(version=1, action="warn", decides=("at_least",))
def spectral(*, column: str = "text", label: str = "label", unit: Unit = "words", rows: int = 20, at_least: float = 4.0) -> AllRowsLook:
    """Flag rows of one label that share a phrase and are otherwise as unlike as any rows of that label: poison that keeps its label.

    Looked at are phrases (n-grams of one to three words; two to five characters; those in the same texts are one) of at least
    `rows` different texts, nine tenths of them with one label, more than chance gives it (binomial tail, Bonferroni over all n-grams).
    Texts that share a phrase of their topic are alike in other words too; those into which a phrase was put are not. Likeness is the mean
    cosine of two of the texts in the whitened leading singular directions of the label (TF-IDF, 50 dimensions), without the words that
    make up the phrase; directions come from halves of the texts that hold neither of the two. Less the likeness of as many texts of the
    same lengths drawn from the label (20 times) it is the excess of the phrase. The score is how many times smaller the upper 95 % bound
    of its excess is than the median excess of all phrases of the label. After spectral signatures (Tran et al. 2018) and their whitening
    (SPECTRE, Hayase et al. 2021), turned round: not the rows in a strong direction stand out, but a direction without relatives.

    The kind is `phrase`; the detail counts the texts that share it. A label with fewer than eight phrases is not judged.

    Args:
        column: Text column.
        label: Column of labels.
        unit: N-grams of `words`, or of `characters` for Chinese and other languages without spaces.
        rows: Fewest different texts that share a phrase. Below twenty, chance hides what is looked for.
        at_least: Score from which rows are flagged.
    """
    return AllRowsLook((column, label), lambda given: _outliers(given, column, label, unit, rows).with_columns(column=pl.lit(column)))


@dataclass(frozen=True)
class Phrases:
    """Phrases of one label among its texts.

    Attributes:
        texts: 1 where a text holds a phrase, sparse, shape (texts, phrases).
        size: texts that hold each, shape (phrases,).
    """

    texts: Any
    size: Floats


def _outliers(given: pl.DataFrame, column: str, label: str, unit: Unit, rows: int) -> pl.DataFrame:
    from threadpoolctl import threadpool_limits

    codes, names = coded(given[label])
    if len(names) < 2:
        return FOUND.to_frame()
    every = pl.DataFrame({"_at": np.arange(len(codes)), "text": given[column].str.to_lowercase(), "code": codes})
    every = every.filter((pl.col("code") >= 0) & pl.col("text").is_not_null())
    # In the order of texts, so that the order of rows decides nothing; a copy is no witness.
    texts = every.select("text", "code").unique().sort("text", "code").with_row_index("number")
    if not texts.height:
        return FOUND.to_frame()
    held = grams(texts["text"], unit, _SIZES[unit], _FEATURES)
    held.data[:] = 1
    words = grams(texts["text"], unit, _WORDS[unit])
    of, parts = texts["code"].to_numpy(), []
    candidates = _candidates(held, of, len(names), rows)
    for c, name in enumerate(names):
        inside = np.flatnonzero(of == c)
        phrases = _phrases(held[inside][:, candidates[c]], _CARRIERS)
        if len(phrases.size) < _FEWEST:
            continue
        with threadpool_limits(1, user_api="blas"):  # these matrices are small: threads would wait for each other, and round differently
            excess, deviation = likeness(_of_label(words[inside]), phrases, _ALL[unit])
        usual = float(np.median(excess))
        score = np.clip(usual / np.maximum(excess + _CONFIDENCE * deviation, 1e-3), 0, 99) if usual > 0 else np.zeros(len(excess))
        kept = np.flatnonzero(score >= 1)
        pairs = phrases.texts[:, kept].tocoo()
        parts.append(
            pl.DataFrame({"number": inside[pairs.row], "score": score[kept][pairs.col], "size": phrases.size[kept][pairs.col]})
            .sort("score", "size", descending=True)
            .unique("number", keep="first", maintain_order=True)
            .with_columns(
                detail=pl.format(
                    "one of {} texts labelled {} that share a phrase and nothing else", pl.col("size").cast(pl.Int64), pl.lit(name)
                )
            )
        )
    if not parts:
        return FOUND.to_frame()
    told = texts.with_columns(pl.col("number").cast(pl.Int64)).join(pl.concat(parts), on="number")
    rows_of = every.join(told, on=["text", "code"], maintain_order="left")
    return pl.concat(
        [FOUND.to_frame(), rows_of.select("_at", pl.lit("phrase").alias("kind"), pl.col("score").round(4), "detail")], how="diagonal"
    )


def _candidates(held: Any, of: NDArray[np.int64], classes: int, rows: int) -> list[NDArray[np.int64]]:
    """Columns of n-grams that go with each label."""
    from scipy.stats import binom

    total = np.asarray(held.sum(axis=0)).ravel()
    tests = max(int((total >= rows).sum()) * classes, 1)
    out = []
    for c in range(classes):
        mine = np.asarray(held[of == c].sum(axis=0)).ravel()
        chosen = np.flatnonzero((mine >= rows) & (mine >= _PURE * total) & (mine <= _MOST * (of == c).sum()))
        out.append(chosen[binom.sf(mine[chosen] - 1, total[chosen], (of == c).mean()) * tests < 0.01])
    return out


def _phrases(held: Any, most: int) -> Phrases:
    """N-grams of the same texts made one: the one of most texts."""
    from scipy.sparse import csr_matrix
    from scipy.sparse.csgraph import connected_components

    size = np.asarray(held.sum(axis=0)).ravel().astype(np.float64)
    both = (held.T @ held).tocoo()
    same = both.data >= _SAME * (size[both.row] + size[both.col] - both.data)
    _, group = connected_components(csr_matrix((same[same], (both.row[same], both.col[same])), shape=both.shape), directed=False)
    order = np.lexsort((np.arange(len(size)), -size, group))
    first = order[np.flatnonzero(np.diff(group[order], prepend=-1))] if len(order) else order
    return Phrases(held[:, first].tocsc(), size[first])


def _of_label(words: Any) -> Any:
    """TF-IDF of words that are in two texts of a label."""
    often = np.flatnonzero(np.asarray((words > 0).sum(axis=0)).ravel() >= 2)
    return weighted(words[:, often])


def likeness(vectors: Any, phrases: Phrases, all_from: float) -> tuple[Floats, Floats]:
    """How much more alike the texts of each phrase are than texts of the label, and the deviation of that by chance.

    Args:
        vectors: TF-IDF of the texts of a label, sparse, shape (texts, words).
        phrases: of the same texts.
        all_from: share of its texts from which a word makes up a phrase however usual it is.

    Returns:
        excess of the mean cosine over the mean of drawn texts, and the standard deviation of the drawn, each of shape (phrases,).
    """
    n = vectors.shape[0]
    generator = np.random.default_rng(0)
    of, row = _pairs(phrases, generator)
    own = _directions(vectors, phrases, all_from)
    splits = [generator.permutation(n) % 2 for _ in range(_SPLITS)]
    bases = [[_basis(vectors[half != side]) for side in (0, 1)] for half in splits]
    projected = [[vectors @ basis for basis in sides] for sides in bases]
    lengths = np.argsort(np.diff(vectors.indptr), kind="stable")
    strata = np.array_split(lengths, max(n // _STRATUM, 1))

    def alike(row: NDArray[np.int64]) -> Floats:
        removed = vectors[row].multiply(own[of]).tocsr()
        total, count = np.zeros(len(phrases.size)), np.zeros(len(phrases.size))
        for half, sides, full in zip(splits, bases, projected, strict=True):
            for side in (0, 1):
                at = np.flatnonzero(half[row] == side)
                rest = full[side][row[at]] - removed[at] @ sides[side]
                sums, k = _summed(rest / np.maximum(np.linalg.norm(rest, axis=1, keepdims=True), 1e-9), of[at], len(total))
                total += (sums * sums).sum(axis=1) - k
                count += k * (k - 1)
        mean: Floats = total / np.maximum(count, 1)
        return mean

    drawn = []
    for _ in range(_DRAWN):
        other = np.empty(n, dtype=np.int64)
        for stratum in strata:
            other[stratum] = generator.permutation(stratum)
        drawn.append(alike(other[row]))
    return alike(row) - np.mean(drawn, axis=0), np.std(drawn, axis=0, ddof=1)


def _pairs(phrases: Phrases, generator: np.random.Generator) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Numbers of phrases and of their texts, at most `_CARRIERS` of each phrase."""
    pairs = phrases.texts.tocoo()
    mixed = np.lexsort((generator.random(len(pairs.row)), pairs.col))
    of, row = pairs.col[mixed].astype(np.int64), pairs.row[mixed].astype(np.int64)
    place = np.arange(len(of)) - np.searchsorted(of, of)
    return of[place < _CARRIERS], row[place < _CARRIERS]


def _directions(vectors: Any, phrases: Phrases, all_from: float) -> Any:
    """1 where a word makes up a phrase, sparse, shape (phrases, words)."""
    from scipy.sparse import csr_matrix

    stands = vectors > 0
    shared = (phrases.texts.T @ stands.astype(np.float32)).tocoo()
    share = shared.data / phrases.size[shared.row]
    usual = np.asarray(stands.mean(axis=0)).ravel()
    own = (share >= all_from) | ((share > _HELD) & (share > _TIMES * usual[shared.col]))
    return csr_matrix((np.ones(own.sum(), dtype=np.float32), (shared.row[own], shared.col[own])), shape=shared.shape)


def _basis(vectors: Any) -> NDArray[np.float32]:
    """Whitened leading singular directions without the first, which all texts share; shape (words, dimensions)."""
    from sklearn.utils.extmath import randomized_svd

    _, strength, right = randomized_svd(vectors, min(_DIMENSIONS, max(min(vectors.shape) // 4, 2)), random_state=0)
    basis: NDArray[np.float32] = (right[1:].T / np.maximum(strength[1:], 1e-6)).astype(np.float32)
    return basis


def _summed(vectors: NDArray[Any], of: NDArray[np.int64], groups: int) -> tuple[Floats, Floats]:
    """Sums and numbers of the vectors of each group."""
    from scipy.sparse import csr_matrix

    member = csr_matrix((np.ones(len(of), dtype=np.float32), (of, np.arange(len(of)))), shape=(groups, len(of)))
    return np.asarray(member @ vectors, dtype=np.float64), np.bincount(of, minlength=groups).astype(np.float64)
