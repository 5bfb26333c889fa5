"""The main job as a program: ``python -m adaptive_calib.examples.blackbody``."""
