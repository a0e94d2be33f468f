"""Columns to a number."""

from lakehouse.pilot.diagnosis.numbers.label_type import NumberLabels
from lakehouse.pilot.diagnosis.views import ColumnsView
from lakehouse.pilot.models.boosted_trees import tree_regressor
from lakehouse.pilot.scoring.numbers import NUMBERS
from lakehouse.pilot.task import Task

TASK = Task(
    name="tabular_regression",
    version=1,
    summary="gradient boosted trees, from columns to a number",
    learner=tree_regressor,
    scoring=NUMBERS,
    view=lambda learner: ColumnsView(learner, NumberLabels()),
)
