"""Planck against Rayleigh–Jeans: the main example; run it with python -m adaptive_calib.examples.blackbody."""
