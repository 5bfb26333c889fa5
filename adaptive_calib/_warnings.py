"""Warnings that point to the user's line, however deep in the package their cause is found."""

from __future__ import annotations

import sys
import warnings

__all__ = ["warn_caller"]


def warn_caller(message: str, category: type[Warning]) -> None:
    """Warn at the line that called the package, as `skip_file_prefixes` does from Python 3.12 on."""
    level, frame = 2, sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] == "adaptive_calib":
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, stacklevel=level)
