"""Callbacks that follow a run: progress bars and MLflow."""
