"""Train rows that push a model away from the rows it is scored on."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, Generic

import numpy as np
import polars as pl
from numpy.typing import NDArray

from lakehouse.pilot.diagnosis.findings import Findings, findings_frame
from lakehouse.pilot.diagnosis.material import Material, P, ScoredSet

_LOWEST = 0.05
"""Share of the train rows that may be findings for their influence."""
_PUSHED = 5
"""Errors named in the evidence of a row."""
_EFFECT_BYTES = 64 * 1024 * 1024
"""Bytes that effects on scored rows may take: it bounds how many of these are asked one by one."""


@dataclass(frozen=True)
class Influence:
    """Effects of train rows on the loss of others.

    Attributes:
        total: of each train row, what its being there adds to the loss of all scored rows together, shape (train rows,).
        effects: the same on each of the scored rows asked for, shape (train rows, asked).
    """

    total: NDArray[np.float64]
    effects: NDArray[np.float64]


def with_one(vectors: NDArray[np.float32]) -> NDArray[np.float64]:
    """The vectors with a column of ones, for the intercept."""
    return np.hstack([vectors.astype(np.float64), np.ones((len(vectors), 1))])


class InfluenceModel(ABC, Generic[P]):
    """A model whose loss without each train row is known in closed form; which one depends on the type of the labels."""

    @abstractmethod
    def asked(self, error: NDArray[np.float64]) -> NDArray[np.int64]:
        """Numbers of the scored rows whose effects are wanted one by one, the most wanted first, by the errors of all scored rows."""

    @abstractmethod
    def fit(self, m: Material[P], asked: NDArray[np.int64], part: ScoredSet) -> tuple[Influence, dict[str, Any]]:
        """The influence of the train rows on the scored rows `part`, and notes on it."""


def influence_findings(m: Material[P], model: InfluenceModel[P]) -> Findings:
    """Train rows without which the scored rows would be predicted better, those that cost most first, with the rows they push most.

    The frozen set has no say, since repairs are judged on it.
    """
    part = m.sets.get(m.scored_set)
    if part is None or len(m.learnt) == 0:
        return Findings(findings_frame("influence", [], [], []))
    asked = model.asked(part.error)[: max(1, _EFFECT_BYTES // (8 * len(m.learnt)))]
    found, notes = model.fit(m, asked, part)
    return Findings(_costly(m, found, asked, part), notes={"set": m.scored_set, "scored": len(m.scored), "asked": len(asked), **notes})


def _costly(m: Material[P], found: Influence, asked: NDArray[np.int64], part: ScoredSet) -> pl.DataFrame:
    """Findings on the train rows that add most to the loss, those above zero, with the rows asked about that each pushes most."""
    order = np.argsort(-found.total, kind="stable")[: int(np.ceil(len(m.learnt) * _LOWEST))]
    order = order[found.total[order] > 0]
    evidence = []
    for at in order:  # as many as there are findings
        effects = found.effects[at]
        most = [int(e) for e in np.argsort(-effects, kind="stable")[:_PUSHED] if effects[e] > 0]
        errors = [
            {
                "row": m.ids[m.scored[asked[e]]],
                "given": m.given(int(m.scored[asked[e]])),
                "predicted": m.out_of_fold.plain(part.predicted[asked[e]]),
                "effect": float(f"{effects[e]:.3g}"),
            }
            for e in most
        ]
        pushed = int((effects > 0).sum())
        evidence.append({"given": m.given(int(m.learnt[at])), "total": float(f"{found.total[at]:.4g}"), "pushed": pushed, "errors": errors})
    return findings_frame("influence", [m.ids[m.learnt[at]] for at in order], found.total[order].tolist(), evidence)
