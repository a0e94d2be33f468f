"""How rows whose label is a number are read: a text, or columns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lakehouse.pilot.diagnosis.numbers.judged import Numbers
from lakehouse.pilot.diagnosis.views import ColumnsView, TextView, View
from lakehouse.pilot.models.regression import Regression
from lakehouse.pilot.models.tabular import Tabular

_OF_TEXT = ("analyzer", "ngrams", "max_features", "epochs")


class TextToNumber(TextView):
    """A text that has a number."""

    truth = Numbers()

    def __init__(self, params: Mapping[str, Any]) -> None:
        super().__init__(params)
        self.learner = Regression(input=self.text, label=self.label, **{name: params[name] for name in _OF_TEXT})


class ColumnsToNumber(ColumnsView):
    """Columns that have a number."""

    truth = Numbers()

    def __init__(self, params: Mapping[str, Any]) -> None:
        super().__init__(params)
        self.learner = Tabular(features=self.columns, label=self.label, classes=False, trees=params["trees"])


def regression_view(params: Mapping[str, Any]) -> View:
    """The view of `regression`, which reads a text or numbers."""
    if params["features"] is None:
        return TextToNumber(params)
    view = ColumnsToNumber(params)
    view.learner = Regression(features=view.columns, label=view.label, epochs=params["epochs"])
    return view


def tabular_regression_view(params: Mapping[str, Any]) -> View:
    """The view of `tabular_regression`."""
    return ColumnsToNumber(params)
