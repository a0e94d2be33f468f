"""Columns to a class."""

from lakehouse.pilot.diagnosis.classes.label_type import ClassLabels
from lakehouse.pilot.diagnosis.views import ColumnsView
from lakehouse.pilot.models.boosted_trees import tree_classifier
from lakehouse.pilot.scoring.classification import CLASSIFICATION
from lakehouse.pilot.task import Task

TASK = Task(
    name="tabular_classification",
    version=1,
    summary="gradient boosted trees, from columns to a class",
    learner=tree_classifier,
    scoring=CLASSIFICATION,
    view=lambda learner: ColumnsView(learner, ClassLabels()),
)
