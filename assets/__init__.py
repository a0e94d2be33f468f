"""The Dagster graph, computed from the declarations; the only code that imports dagster."""
