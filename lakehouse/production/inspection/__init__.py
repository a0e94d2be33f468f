"""Inspection of a recipe before and after it runs: preview, distribution of signals, other thresholds. It changes nothing."""
