"""Which parameters a triangulated learner takes."""

from __future__ import annotations

import math
from typing import Literal

from adaptive_calib.learner._simplex.smooth import MOST_DIMENSIONS as MOST_SMOOTH

__all__ = ["PlaneMode", "check_parameters"]

#: The interpolant of a triangulated learner.
PlaneMode = Literal["linear", "smooth", "auto"]

#: Triangulations above this dimension are out of reach: a point changes tens of thousands of simplices.
MOST_DIMENSIONS = 10


def check_parameters(ndim: int, min_spacing: float, exploration: float, mode: PlaneMode, own_loss: bool) -> None:
    """Raise ValueError unless a learner of `ndim` numbers can have these; see `Learner2D` and `LearnerND`."""
    if ndim > MOST_DIMENSIONS:
        raise ValueError(
            f"the domain should have at most {MOST_DIMENSIONS} dimensions, but has {ndim}: the number of "
            "simplices grows with the factorial of the dimension. Use GPLearner, which has none."
        )
    if not 0 <= exploration <= 1:
        raise ValueError(f"`exploration` should be a share from 0 to 1, but is {exploration!r}.")
    if not 0 <= min_spacing < math.inf:
        raise ValueError(
            f"`min_spacing` should be a distance of at least 0, in units of the bounding box, but is {min_spacing!r}."
        )
    if mode not in ("linear", "smooth", "auto"):
        raise ValueError(f"`mode` should be 'linear', 'smooth' or 'auto', but is {mode!r}.")
    if mode == "smooth" and ndim > MOST_SMOOTH:
        raise ValueError(
            f"mode='smooth' is for functions of 2 to {MOST_SMOOTH} numbers, but there are {ndim}; "
            "use GPLearner, or mode='auto' or 'linear'."
        )
    if mode != "linear" and own_loss:
        raise ValueError(
            f"with mode={mode!r} points are placed by the estimated error of the interpolant: leave the loss out, "
            "or use mode='linear'."
        )
