"""Screening on arrival: detectors look at the rows of a source after they were collected."""
