"""Text to a class."""

from lakehouse.pilot.diagnosis.classes.label_type import ClassLabels
from lakehouse.pilot.diagnosis.views import TextView
from lakehouse.pilot.models.linear_classifier import TextClassifier
from lakehouse.pilot.scoring.classification import CLASSIFICATION
from lakehouse.pilot.task import Task

TASK = Task(
    name="text_classification",
    version=1,
    summary="a linear model on TF-IDF over word or character n-grams, from a text to a class",
    learner=TextClassifier,
    scoring=CLASSIFICATION,
    view=lambda learner: TextView(learner, ClassLabels()),
)
