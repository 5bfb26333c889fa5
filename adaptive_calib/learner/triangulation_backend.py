"""The choice of the triangulation, under python-adaptive's names: always that of the package adaptive-triangulation."""

from __future__ import annotations

import os
from typing import Any

from adaptive_triangulation import default_loss as rust_default_loss

from adaptive_calib.learner.triangulation import (
    FakeDelaunay,
    Triangulation,
    circumsphere,
    fast_2d_circumcircle,
    fast_2d_point_in_simplex,
    fast_3d_circumcircle,
    fast_det,
    fast_norm,
    orientation,
    point_in_simplex,
    simplex_volume_in_embedding,
)

__all__ = [
    "TRIANGULATION_BACKEND",
    "FakeDelaunay",
    "Triangulation",
    "circumsphere",
    "fast_2d_circumcircle",
    "fast_2d_point_in_simplex",
    "fast_3d_circumcircle",
    "fast_det",
    "fast_norm",
    "orientation",
    "point_in_simplex",
    "resolve_triangulation_class",
    "rust_default_loss",
    "simplex_volume_in_embedding",
]

#: The backend in use.
TRIANGULATION_BACKEND = "rust"


def resolve_triangulation_class(backend: Any = "auto") -> type[Any]:
    """Return the class of triangulations.

    Parameters
    ----------
    backend : {"auto", "python", "rust"} or type
        All names mean the same class; a class must be that one.

    Raises
    ------
    ValueError
        For any other name, also one in the environment variable ``ADAPTIVE_TRIANGULATION_BACKEND``, which "auto" reads.
    """
    if backend == "auto":
        backend = os.environ.get("ADAPTIVE_TRIANGULATION_BACKEND", "auto")
    if backend in ("auto", "python", "rust") or backend is Triangulation:
        return Triangulation
    raise ValueError(
        '`triangulation_backend` should be "auto", "python" or "rust" (all mean adaptive-triangulation), '
        f"but is {backend!r}."
    )
