"""Models that the evaluation `train` learns."""
