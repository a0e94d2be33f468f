"""Text to the bits that a model of the train rows needs for it."""

from lakehouse.pilot.controls import UNLABELLED
from lakehouse.pilot.models.language_model import NgramLanguageModel
from lakehouse.pilot.scoring.texts import TEXTS
from lakehouse.pilot.task import Task

TASK = Task(
    name="language_modelling",
    version=2,
    summary="a model of `order` characters, from a text to the bits it takes",
    learner=NgramLanguageModel,
    scoring=TEXTS,
    controls=UNLABELLED,
    undiagnosed="a text has no label that could be wrong",
)
