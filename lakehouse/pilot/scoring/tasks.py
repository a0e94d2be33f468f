"""The scorings by task."""

from __future__ import annotations

from collections.abc import Mapping

from lakehouse.pilot.scoring.classification import CLASSIFICATION
from lakehouse.pilot.scoring.numbers import NUMBERS
from lakehouse.pilot.scoring.scoring import Scoring
from lakehouse.pilot.scoring.sequences import SEQUENCES
from lakehouse.pilot.scoring.texts import TEXTS

SCORINGS: Mapping[str, Scoring] = {
    "classification": CLASSIFICATION,
    "sequence_labelling": SEQUENCES,
    "regression": NUMBERS,
    "language_modelling": TEXTS,
}
"""How the predictions of a task are scored; `classification` is that of results that name no task."""
