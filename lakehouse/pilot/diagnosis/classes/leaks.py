"""What the model of the train rows leans on, and terms that give a class away and stem from one source or one place of the texts.

Such a term is often no property of the class but of how it was collected: a header, a signature, a file. A model that learns it is worth
less than its score (Kaufman, Rosset, Perlich: Leakage in Data Mining, KDD 2011).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from lakehouse.pilot.diagnosis.findings import Findings, findings_frame
from lakehouse.pilot.diagnosis.material import Material, TrainedModel
from lakehouse.pilot.diagnosis.pictures import terms_picture

_TOP = 10
_PURE, _COMMON, _LEAST = 0.95, 0.05, 20
_CONCENTRATED, _SPREAD = 0.95, 0.8
_EDGE, _AT_EDGE = 0.1, 0.9
_OVERLAP = 0.5
_LOOKED_AT, _ROWS = 500, 100


@dataclass(frozen=True, kw_only=True)
class DecisiveTerm:
    """A term that gives a class away.

    Attributes:
        term, of: its column among the features, and the class; `family`: it and those that stand in nearly the same rows.
        precision: share of its rows that are of the class; recall: share of the class's rows that hold it.
        rows: numbers of its rows.
        source: the one source of its rows, where the class has others; else None.
        place: `beginning` or `end` of the texts, where it stands there in most of its rows; else None.
    """

    term: int
    of: int
    family: tuple[int, ...]
    precision: float
    recall: float
    rows: NDArray[np.int64]
    source: str | None
    place: str | None


def decisive(
    features: Any, labels: NDArray[np.int64], terms: Sequence[str], texts: pl.Series | None, sources: pl.Series
) -> list[DecisiveTerm]:
    """Terms nearly all of whose rows are of one class and come from one source or stand at one end of the text, the commonest first.

    A term counts where it is in 20 rows and a twentieth of its class's at least, and 95 % of its rows are of the class. One source: 95 %
    of its rows are of a source that has less than 80 % of the class's rows. One end: in 90 % of its rows it first stands in the first
    tenth of the text, or last in the last tenth. Of terms of nearly the same rows the commonest stands.

    Args:
        features: sparse, shape (rows, terms), above 0 where a row holds a term.
        labels: numbers of classes, shape (rows,).
        texts: None where terms have no place.
        sources: of the rows.
    """
    import scipy.sparse as sp

    held = (sp.csr_array(features) > 0).astype(np.float64)
    classes = int(labels.max()) + 1
    sizes = np.bincount(labels, minlength=classes)
    of_class = sp.csr_array((np.ones(len(labels)), (labels, np.arange(len(labels)))), shape=(classes, len(labels)))
    counts = (of_class @ held).toarray()
    total = counts.sum(axis=0)
    most = counts.argmax(axis=0)
    hits = counts[most, np.arange(counts.shape[1])]
    recall = hits / np.maximum(sizes[most], 1)
    able = np.flatnonzero((total >= _LEAST) & (hits >= _PURE * total) & (recall >= _COMMON))
    able = able[np.lexsort((able, -recall[able]))][:_LOOKED_AT]
    columns = sp.csc_array(held)
    lower, out = None if texts is None else texts.fill_null("").str.to_lowercase(), list[DecisiveTerm]()
    for term in able.tolist():  # 500 at most
        rows = np.sort(columns.indices[columns.indptr[term] : columns.indptr[term + 1]]).astype(np.int64)
        family = next((at for at, known in enumerate(out) if len(np.intersect1d(rows, known.rows)) >= _OVERLAP * len(rows)), None)
        if family is not None:
            out[family] = replace(out[family], family=(*out[family].family, term))
            continue
        of = int(most[term])
        source = _one_source(sources.gather(rows), sources.filter(pl.Series(labels == of)))
        place = None if lower is None else _one_place(terms[term], lower.gather(rows))
        if source or place:
            precision = float(hits[term] / total[term])
            out.append(
                DecisiveTerm(
                    term=term,
                    of=of,
                    family=(term,),
                    precision=precision,
                    recall=float(recall[term]),
                    rows=rows,
                    source=source,
                    place=place,
                )
            )
    return out


def _one_source(own: pl.Series, of_class: pl.Series) -> str | None:
    counted = own.value_counts(sort=True)
    first = str(counted[own.name][0])
    if counted["count"][0] >= _CONCENTRATED * len(own) and (of_class == first).mean() < _SPREAD:  # type: ignore[operator]
        return first
    return None


def _one_place(term: str, texts: pl.Series) -> str | None:
    """The end of the texts at which a term is; its words may be parted by other signs than the space of its n-gram."""
    import re

    pattern = r"[^\p{L}\p{N}_]+".join(re.escape(word) for word in term.split()) or re.escape(term)
    before = texts.str.extract(rf"(?s)\A(.*?){pattern}", 1).str.len_chars()
    after = texts.str.extract(rf"(?s){pattern}(.*?)\z", 1).str.len_chars()
    last = texts.str.extract(rf"(?s)\A.*{pattern}(.*)\z", 1).str.len_chars()
    length = texts.str.len_chars()
    found = before.is_not_null() & after.is_not_null()
    if found.sum() < _AT_EDGE * len(texts):
        return None
    share = {"beginning": (before <= _EDGE * length).mean(), "end": (last <= _EDGE * length).mean()}
    return next((name for name, of in share.items() if of is not None and of >= _AT_EDGE), None)  # type: ignore[operator]


def text_leaks(m: Material[Any], text: str) -> Findings:
    """Suspicious terms with their rows; and the terms of most weight of each class, whatever they are."""
    if (fitted := m.fitted) is None:
        return Findings(findings_frame("leak", [], [], []))
    terms = fitted.learnt.get_feature_names_out()
    top = _top(fitted.model, terms)
    train = m.rows[m.learnt]
    found = decisive(fitted.features, m.out_of_fold.given[m.learnt], terms, train[text], origins(train))
    evidence = [{**evidence_of(m, one, terms), **_changed(m, fitted, one)} for one in found]
    scores = [one.precision * one.recall for one in found]
    picture = {"terms.png": terms_picture(top, f"{m.name}: terms of most weight")}
    return Findings(findings_frame("leak", [None] * len(found), scores, evidence), picture, {"terms": top})


def origins(rows: pl.DataFrame) -> pl.Series:
    """The source of each row."""
    return rows["_root" if "_root" in rows.columns else "_row_id"].str.split("/").list.first()


def evidence_of(m: Material[Any], one: DecisiveTerm, terms: Sequence[str]) -> dict[str, Any]:
    """The evidence of a term."""
    return {
        "term": str(terms[one.term]),
        "class": m.out_of_fold.classes[one.of],
        "size": len(one.rows),
        "precision": round(one.precision, 4),
        "recall": round(one.recall, 4),
        "only_in": one.source,
        "place": one.place,
        "with": [str(terms[term]) for term in one.family[1:_TOP]],
        "rows": [m.ids[m.learnt[at]] for at in one.rows[:_ROWS]],
    }


def _weights(model: Any) -> NDArray[np.float64]:
    """Shape (classes, terms)."""
    of = np.asarray(model.coef_)
    return np.vstack([-of[0], of[0]]) if len(of) == 1 else of


def _top(model: Any, terms: NDArray[np.str_]) -> dict[str, list[tuple[str, float]]]:
    """The terms of most weight for each class."""
    out = {}
    for name, weights in zip(model.classes_, _weights(model), strict=True):
        order = np.argsort(-weights, kind="stable")[:_TOP]
        out[str(name)] = [(str(terms[at]), round(float(weights[at]), 2)) for at in order if weights[at] > 0]
    return out


def _changed(m: Material[Any], fitted: TrainedModel, one: DecisiveTerm) -> dict[str, int]:
    """How many rows that the model has not seen hold the term, and of how many it says another class without it and its family."""
    scored, changed = 0, 0
    for part in m.sets.values():
        columns = part.features.tocsc()
        holds = columns.indices[columns.indptr[one.term] : columns.indptr[one.term + 1]]
        if len(holds):
            without = columns[holds]
            for term in one.family:
                without.data[without.indptr[term] : without.indptr[term + 1]] = 0
            scored += len(holds)
            changed += int((fitted.model.predict(without.tocsr()) != part.predicted[holds]).sum())
    return {"scored": scored, "changed": changed}
