"""Pictures to a class."""

from lakehouse.pilot.diagnosis.classes.label_type import ClassLabels
from lakehouse.pilot.diagnosis.views import PictureView
from lakehouse.pilot.models.image_classifier import ImageClassifier
from lakehouse.pilot.scoring.classification import CLASSIFICATION
from lakehouse.pilot.task import Task

TASK = Task(
    name="image_classification",
    version=1,
    summary="a linear model on encoded pictures brought to `size` pixels, to a class",
    learner=ImageClassifier,
    scoring=CLASSIFICATION,
    view=lambda learner: PictureView(learner, ClassLabels()),
)
