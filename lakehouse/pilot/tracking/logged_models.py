"""The model of an evaluation in MLflow."""

from __future__ import annotations

import pickle
from typing import Any

from lakehouse.pilot.models.packaged_model import PackagedModel


def log_model(mlflow: Any, model: PackagedModel, key: str) -> None:
    """The model of the active run, with a signature and an example; loaded with `mlflow.pyfunc` or `mlflow.sklearn`."""
    estimator, example = pickle.loads(model.pickled), model.example.to_pandas()
    mlflow.sklearn.log_model(
        estimator,
        name="model",
        signature=mlflow.models.infer_signature(example, estimator.predict(example)),
        input_example=example,
        # Named, MLflow need not run the model in another process to see what it imports.
        pip_requirements=[f"scikit-learn=={_version('scikit-learn')}", f"pandas=={_version('pandas')}"],
        serialization_format="cloudpickle",
        tags={"factory.key": key},
    )


def _version(package: str) -> str:
    from importlib.metadata import version

    return version(package)
