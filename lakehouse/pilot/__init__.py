"""Pilot: evaluations, gates and diagnosis of versions, recorded in MLflow. It changes no row."""
