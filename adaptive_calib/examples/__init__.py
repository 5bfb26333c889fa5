"""Runnable examples: python -m adaptive_calib.examples.NAME."""
