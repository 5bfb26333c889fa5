"""Aliases for arrays of one element type and any shape; shapes and units are stated in docstrings."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["Bools", "Floats", "Indices", "Ints"]

Floats: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.int64]
Bools: TypeAlias = NDArray[np.bool_]
#: Positions in an array, as NumPy returns them.
Indices: TypeAlias = NDArray[np.intp]
