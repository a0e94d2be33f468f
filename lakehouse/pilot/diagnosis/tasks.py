"""The tasks of `train` whose rows are diagnosed, and how each reads them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from lakehouse.pilot.diagnosis.numbers.views import regression_view, tabular_regression_view
from lakehouse.pilot.diagnosis.tags.view import TokensView
from lakehouse.pilot.diagnosis.views import ColumnsView, PictureView, TextView, View

VIEWS: Mapping[str, Callable[[Mapping[str, Any]], View]] = {
    "text_classification": TextView,
    "tabular_classification": ColumnsView,
    "image_classification": PictureView,
    "regression": regression_view,
    "tabular_regression": tabular_regression_view,
    "sequence_labelling": TokensView,
}
