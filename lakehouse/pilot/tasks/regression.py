"""Text or numbers to a number."""

from lakehouse.pilot.diagnosis.numbers.label_type import NumberLabels
from lakehouse.pilot.diagnosis.view import View
from lakehouse.pilot.diagnosis.views import ColumnsView, TextView
from lakehouse.pilot.models.linear_regression import LinearRegression
from lakehouse.pilot.scoring.numbers import NUMBERS
from lakehouse.pilot.task import Task


def _view(learner: LinearRegression) -> View:
    return TextView(learner, NumberLabels()) if learner.input else ColumnsView(learner, NumberLabels())


TASK = Task(
    name="regression",
    version=1,
    summary="a linear model, from TF-IDF over n-grams of the text `input` or from the numbers `features`, to a number",
    learner=LinearRegression,
    scoring=NUMBERS,
    view=_view,
)
