"""Tasks of the evaluation `train`, one a file; a file here is a task."""
