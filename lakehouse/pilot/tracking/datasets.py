"""Versions of datasets as the inputs of a run."""

from __future__ import annotations

from typing import Any

from lakehouse.core.project import Project


def log_input(mlflow: Any, project: Project, *, dataset: str, version: str, gold_version: int, context: str) -> None:
    """Make a version of a dataset an input of the active run.

    Args:
        gold_version: version of the Delta table `gold/<dataset>` that holds its rows.
        context: what the run does with it, such as `training`.
    """
    from mlflow.data.delta_dataset_source import DeltaDatasetSource
    from mlflow.data.meta_dataset import MetaDataset

    source = DeltaDatasetSource(path=project.table("gold", dataset).uri, delta_table_version=gold_version)
    mlflow.log_input(MetaDataset(source, name=dataset, digest=version), context=context)
