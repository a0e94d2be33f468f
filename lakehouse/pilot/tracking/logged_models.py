"""The model of an evaluation in MLflow."""

from __future__ import annotations

import pickle
from typing import Any

from lakehouse.core.versions import Version
from lakehouse.pilot.models.packaged_model import PackagedModel


def log_model(mlflow: Any, model: PackagedModel, version: Version, evaluation: str, key: str) -> None:
    """The model of the active run, with a signature and an example, registered under the dataset's name.

    It is loaded by `models:/<dataset>/<number>`; the tags of the registered version say which version of the dataset it learnt from.
    """
    estimator, example = pickle.loads(model.pickled), model.example.to_pandas()
    logged = mlflow.sklearn.log_model(
        estimator,
        name=f"{version.dataset}_{evaluation}",
        signature=mlflow.models.infer_signature(example, estimator.predict(example)),
        input_example=example,
        # Named, MLflow need not run the model in another process to see what it imports.
        pip_requirements=[f"scikit-learn=={_version('scikit-learn')}", f"pandas=={_version('pandas')}"],
        serialization_format="cloudpickle",
        tags={"factory.key": key},
    )
    client, name = mlflow.MlflowClient(), version.dataset
    if not client.search_registered_models(f"name = '{name}'"):
        client.create_registered_model(name)
    client.create_model_version(
        name,
        logged.model_uri,
        model_id=logged.model_id,
        run_id=mlflow.active_run().info.run_id,
        tags={
            "factory.key": key,
            "factory.version": version.version,
            "factory.label": version.label,
            "factory.evaluation": evaluation,
        },
        description=f"Trained by the evaluation `{evaluation}` on the train rows of {name} {version.label} ({version.version}).",
    )


def _version(package: str) -> str:
    from importlib.metadata import version

    return version(package)
