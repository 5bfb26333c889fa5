"""Who truly wins: the label B_epis of an experiment, from as much "infinite" data as it takes.

B_epis = [E Q_A < E Q_B] under the true model. Only the sign of E d, d = Q_A − Q_B on the same points, is wanted, so
two rules are offered:

- `FixedLabel`: the means over `Linf` points, as in emdcmp 1.1.1 and in the paper;
- `SequentialLabel`: samples of 128, 256, 512, … points until |mean d| > z s/√n, where look k is made at the two-sided
  level α/(k(k+1)), so that all looks together err with probability α at most (up to the central limit theorem).

What is kept are the three sums (n, Σd, Σd²), from which either rule can be applied again.

Source for the error spending: Σ 1/(k(k+1)) = 1, the schedule of Robbins, *Statistical methods related to the law of
the iterated logarithm*, Ann. Math. Statist. 41 (1970); the sequential idea is Wald's.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

__all__ = ["FixedLabel", "LabelRule", "PairedSums", "SequentialLabel"]


@dataclass(frozen=True, slots=True)
class PairedSums:
    """Sums over paired differences d = Q_A − Q_B.

    Attributes
    ----------
    n : int
        Number of pairs.
    total, squares : float
        Σd and Σd², in units of the loss and its square.

    Examples
    --------
    >>> import numpy as np
    >>> from adaptive_calib.calibration import PairedSums
    >>> sums = PairedSums.of(np.array([-1.0, -3.0])) + PairedSums.of(np.array([-2.0]))
    >>> sums.n, sums.mean
    (3, -2.0)
    """

    n: int = 0
    total: float = 0.0
    squares: float = 0.0

    @classmethod
    def of(cls, difference: NDArray[np.floating]) -> Self:
        """Return the sums of an array of differences, shape (n,)."""
        return cls(difference.size, float(difference.sum()), float(difference @ difference))

    def __add__(self, other: PairedSums) -> PairedSums:
        return PairedSums(self.n + other.n, self.total + other.total, self.squares + other.squares)

    @property
    def mean(self) -> float:
        """Mean difference; NaN without data."""
        return self.total / self.n if self.n else math.nan

    @property
    def stderr(self) -> float:
        """Standard error of the mean; infinite below two pairs."""
        if self.n < 2:
            return math.inf
        variance = max(self.squares / self.n - self.mean**2, 0.0) * self.n / (self.n - 1)
        return math.sqrt(variance / self.n)


class LabelRule(Protocol):
    """How a label is found."""

    @property
    def sequential(self) -> bool:
        """Whether blocks of an endless sample are wanted, where an experiment offers them."""
        ...

    def sizes(self, n: int = 0) -> Iterator[int]:
        """Total sample sizes at which to look, after `n` points were seen."""
        ...

    def label(self, sums: PairedSums) -> bool | None:
        """True if A wins, False if B wins (ties: B, as the comparison is strict), None while unsettled."""
        ...

    def next_size(self, sums: PairedSums) -> int | None:
        """Sample size of the next look when `sums` leave the label unsettled; None if there is none."""
        ...


@dataclass(frozen=True)
class FixedLabel:
    """The sign of the mean difference over `Linf` points.

    Parameters
    ----------
    Linf : int
        Number of points, >= 1.

    Examples
    --------
    >>> import numpy as np
    >>> from adaptive_calib.calibration import FixedLabel, PairedSums
    >>> FixedLabel(3).label(PairedSums.of(np.array([-1.0, -3.0, 2.0])))  # A has the smaller mean loss
    True
    """

    Linf: int

    def __post_init__(self) -> None:
        if not self.Linf >= 1:
            raise ValueError(f"`Linf` should be a number of points >= 1, but is {self.Linf!r}.")

    @property
    def sequential(self) -> bool:
        """The paper's rule: `Linf` points of ``data_model`` at once."""
        return False

    def sizes(self, n: int = 0) -> Iterator[int]:
        """Look once, at `Linf` points."""
        if n < self.Linf:
            yield self.Linf

    def label(self, sums: PairedSums) -> bool | None:
        """Return the sign; None where every single difference is zero, since then A and B are the same model."""
        return sums.total < 0 if sums.squares > 0 else None

    def next_size(self, sums: PairedSums) -> int | None:
        """Return None: after `Linf` points all is said."""
        return None


@dataclass(frozen=True)
class SequentialLabel:
    """The sign of the mean difference, from samples that double until it is settled.

    Parameters
    ----------
    Linf : int
        Size up to which the evaluation of an experiment goes by itself.
    Linf_max : int, optional
        Size up to which a learner may go on with blocks of its own choosing; `Linf` by default.
    alpha : float
        Probability of a wrong sign, over all looks, in (0, 1).
    first : int
        Size of the first sample, >= 2.

    Examples
    --------
    >>> import numpy as np
    >>> from adaptive_calib.calibration import PairedSums, SequentialLabel
    >>> rule = SequentialLabel(12288, alpha=0.01)
    >>> rule.label(PairedSums.of(np.tile([0.01, -0.01], 64))) is None  # not settled by 128 points
    True
    """

    Linf: int
    Linf_max: int | None = None
    alpha: float = 0.01
    first: int = 128

    def __post_init__(self) -> None:
        if not 0 < self.alpha < 1:
            raise ValueError(f"`alpha` is a probability in (0, 1), but is {self.alpha!r}.")
        if not 2 <= self.first <= self.Linf <= self.last:
            raise ValueError(
                f"expected 2 <= first <= Linf <= Linf_max, but got first={self.first}, Linf={self.Linf}, "
                f"Linf_max={self.last}."
            )

    @property
    def last(self) -> int:
        """The largest sample."""
        return self.Linf if self.Linf_max is None else self.Linf_max

    @property
    def sequential(self) -> bool:
        """Blocks of an endless sample are wanted."""
        return True

    def _grid(self, limit: int) -> Iterator[int]:
        size = self.first
        while size < limit:
            yield size
            size *= 2
        yield limit

    def sizes(self, n: int = 0) -> Iterator[int]:
        """128, 256, … up to `Linf`."""
        return (size for size in self._grid(self.Linf) if size > n)

    def label(self, sums: PairedSums) -> bool | None:
        """Return the sign once it is settled at the level of this look."""
        look = 1 + math.ceil(math.log2(max(sums.n / self.first, 1.0)))
        z = -float(ndtri(0.5 * self.alpha / (look * (look + 1))))
        if sums.n >= 2 and abs(sums.mean) > z * sums.stderr:
            return sums.total < 0
        return None

    def next_size(self, sums: PairedSums) -> int | None:
        """Return twice the size, `Linf_max` at most."""
        return min(2 * sums.n, self.last) if sums.n < self.last else None
