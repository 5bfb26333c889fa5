"""The prefix of completed experiments, as columns: one for each c, one for the labels.

Rows are appended in the order of the experiment index and never change; columns are added when a c is. The arrays
grow by doubling, so that an experiment costs the same when there are ten and when there are ten thousand.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from adaptive_calib._arrays import Floats

__all__ = ["Ledger"]


class Ledger:
    """B_EMD, its standard error and the labels of experiments 0 … n − 1.

    Parameters
    ----------
    c : sequence of float
        The first columns.
    """

    def __init__(self, c: Sequence[float]) -> None:
        self._n = 0
        self._labels: Floats = np.empty(64)
        self._bemd: dict[float, Floats] = {}
        self._stderr: dict[float, Floats] = {}
        for x in c:
            self._open(x)

    def __len__(self) -> int:
        return self._n

    @property
    def c(self) -> tuple[float, ...]:
        """The sensitivities, increasing."""
        return tuple(sorted(self._bemd))

    @property
    def added(self) -> tuple[float, ...]:
        """The sensitivities in the order in which they were added."""
        return tuple(self._bemd)

    @property
    def labels(self) -> Floats:
        """B_epis as 1 and 0, NaN where undecided or failed; shape (n,), a view not to be written to."""
        return self._labels[: self._n]

    def column(self, c: float) -> Floats:
        """B_EMD at one c, shape (n,); NaN for failed experiments."""
        return self._bemd[c][: self._n]

    def stderr(self, c: float) -> Floats:
        """Standard error of `column`, shape (n,)."""
        return self._stderr[c][: self._n]

    def append(self, label: bool | None, bemd: Floats, stderr: Floats) -> None:
        """Add the next experiment; `bemd` and `stderr` are in increasing order of c."""
        if self._n == len(self._labels):
            self._grow()
        self._labels[self._n] = math.nan if label is None else label
        for x, b, s in zip(self.c, bemd, stderr, strict=True):
            self._bemd[x][self._n] = b
            self._stderr[x][self._n] = s
        self._n += 1

    def append_failed(self) -> None:
        """Add an experiment that could not be evaluated: it counts as there, but has no values."""
        nothing = np.full(len(self._bemd), math.nan)
        self.append(None, nothing, nothing)

    def add(self, c: float, bemd: Floats, stderr: Floats) -> None:
        """Add a column; arrays of shape (n,)."""
        self._open(c)
        self._bemd[c][: self._n] = bemd
        self._stderr[c][: self._n] = stderr

    def fill(self, c: float, start: int, bemd: Floats, stderr: Floats) -> None:
        """Write values of experiments `start`, ... of a column; arrays of shape (m,)."""
        self._bemd[c][start : start + len(bemd)] = bemd
        self._stderr[c][start : start + len(bemd)] = stderr

    def _open(self, c: float) -> None:
        self._bemd[c] = np.empty_like(self._labels)
        self._stderr[c] = np.empty_like(self._labels)

    def _grow(self) -> None:
        def twice(a: Floats) -> Floats:
            return np.concatenate([a, np.empty_like(a)])

        self._labels = twice(self._labels)
        self._bemd = {c: twice(a) for c, a in self._bemd.items()}
        self._stderr = {c: twice(a) for c, a in self._stderr.items()}
