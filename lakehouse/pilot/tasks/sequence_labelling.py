"""Tokens to tags."""

from lakehouse.pilot.diagnosis.tags.view import TokensView
from lakehouse.pilot.models.random_field import RandomField
from lakehouse.pilot.scoring.sequences import SEQUENCES
from lakehouse.pilot.task import Task

TASK = Task(
    name="sequence_labelling",
    version=1,
    summary="a conditional random field, from a column of tokens to one of tags",
    learner=RandomField,
    scoring=SEQUENCES,
    view=TokensView,
)
