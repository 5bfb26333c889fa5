"""Adaptive asynchronous sampling for the calibration of the EMD criterion."""

from adaptive_calib._version import __version__

__all__ = ["__version__"]
