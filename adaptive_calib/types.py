"""Aliases for Python's and NumPy's scalars, as python-adaptive names them; for annotations, not for `isinstance`."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np

__all__ = ["Bool", "Float", "Int", "Real"]

Float: TypeAlias = float | np.floating
Bool: TypeAlias = bool | np.bool_
Int: TypeAlias = int | np.integer
Real: TypeAlias = Float | Int | Bool
