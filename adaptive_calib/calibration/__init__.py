"""The domain: what is learned in a calibration, from what, and how it is judged."""
