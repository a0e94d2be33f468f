"""MLflow: an experiment a dataset, a run a version and evaluation, the version a logged input. Nothing else of pilot imports mlflow."""
