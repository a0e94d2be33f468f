"""Scorings: numbers of each row that add up, and metrics as functions of their sums."""
