"""Runs: locks, progress, workers, what runs now, what runs took. What a run makes is not known here."""
