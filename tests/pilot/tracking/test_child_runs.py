"""Below the run of an evaluation stand the runs of its seeds, and beside it the model, which predicts when it is loaded."""

from __future__ import annotations

import polars as pl

from lakehouse.core import versions
from lakehouse.pilot.pilot import pilot
from lakehouse.pilot.predictions import predictions_of, scored_as
from lakehouse.pilot.scoring.classification import CLASSIFICATION
from lakehouse.pilot.tracking.connection import connected

from ..conftest import TRAIN, Factory, remarks


def test_seeds_model_and_tags(factory: Factory) -> None:
    factory.declare(evaluations=[{"train": {**TRAIN["train"], "log_model": True, "loss_curve": True, "epochs": 5}}])
    factory.make(remarks())
    done = pilot(factory.project, "orders")
    version = versions.find(factory.project, "orders", "latest")
    run_id = version.evaluations["train"]["run_id"]
    rows = remarks().filter(pl.col("_split") == "test").sort("_row_id")
    with connected(factory.project) as mlflow:
        client, experiment = mlflow.MlflowClient(), mlflow.get_experiment_by_name("orders").experiment_id
        children = client.search_runs([experiment], f"tags.mlflow.parentRunId = '{run_id}'", order_by=["tags.factory.seed"])
        (model,) = client.search_logged_models([experiment])
        (registered,) = client.search_model_versions("name = 'orders'")
        loaded = mlflow.pyfunc.load_model("models:/orders/1")
        kind = mlflow.get_experiment(experiment).tags["mlflow.experimentKind"]
        predicted = list(loaded.predict(rows.select("text").to_pandas()))
        signature = loaded.metadata.get_input_schema().to_dict()
        losses = client.get_metric_history(run_id, "loss.test")
        (parent,) = client.search_runs([experiment], "tags.factory.task = 'classification' and tags.`factory.kind` = 'evaluation'")
    assert (model.name, registered.run_id, kind) == ("orders_train", run_id, "custom_model_development")
    assert registered.tags["factory.version"] == version.version
    assert version.version in registered.description
    assert "(http://127.0.0.1:3000/assets/pilot/orders)" in parent.data.tags["mlflow.note.content"]
    assert parent.info.run_id == run_id
    assert parent.data.tags["factory.metric"] == "macro_f1"
    values = done.metrics["train"]["test"]["macro_f1"]["values"]
    assert {c.data.tags["factory.seed"]: c.data.metrics["test.macro_f1"] for c in children} == {"1": values[0], "2": values[1]}
    assert {c.info.status for c in children} == {"FINISHED"}
    first = predictions_of(factory.project, version.evaluations["train"]["key"]).filter(pl.col("seed") == 1).sort("_row_id")
    assert predicted == first["predicted"].to_list()
    assert [(c["name"], c["type"]) for c in signature] == [("text", "string")]
    assert [m.step for m in losses] == [1, 2, 3, 4, 5]
    assert scored_as(version, "train") is CLASSIFICATION


def test_an_evaluation_that_is_logged_again_leaves_one_registered_model_and_an_old_experiment_is_marked(factory: Factory) -> None:
    factory.declare(evaluations=[{"train": {**TRAIN["train"], "log_model": True}}])
    factory.make(remarks())
    with connected(factory.project) as mlflow:
        mlflow.create_experiment("orders")
    pilot(factory.project, "orders")
    version = versions.find(factory.project, "orders", "latest")
    factory.project.table("system", "versions").restore(0)  # as if it had been killed before it recorded what it logged
    pilot(factory.project, "orders")
    with connected(factory.project) as mlflow:
        client = mlflow.MlflowClient()
        assert mlflow.get_experiment_by_name("orders").tags["mlflow.experimentKind"] == "custom_model_development"
        (registered,) = client.search_model_versions("name = 'orders'")
        assert (registered.version, registered.tags["factory.version"]) in (("2", version.version), (2, version.version))
        assert [model.name for model in client.search_registered_models()] == ["orders"]


def test_results_that_name_no_task_are_of_classification(factory: Factory) -> None:
    """As those of registers written before there were other tasks."""
    made = factory.make(remarks())
    versions.record(factory.project, "orders", made.version, "evaluated", {"name": "train", "key": "k", "metrics": {}, "run_id": "r"})
    assert scored_as(versions.find(factory.project, "orders", "latest"), "train") is CLASSIFICATION
