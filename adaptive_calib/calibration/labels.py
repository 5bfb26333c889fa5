"""Labels B_epis: which model of an experiment is truly better, from as much "infinite" data as it takes.

B_epis = [E Q_A < E Q_B] under the true model. Only the sign of E d, d = Q_A - Q_B on the same points, is wanted, so
two rules are offered:

- `FixedLabel`: the means over `Linf` points, as in emdcmp 1.1.1 and in the paper. With `cap` a near tie, |mean d| below
  two standard errors, gets more points.
- `SequentialLabel`: growing samples until the sign is settled. With a `bound` on |d| this has a guarantee: with stakes
  λ and x = d/bound the capital Π (1 + λx) >= exp(λ Σx + Σx² (ln(1 - λ) + λ)), and the mean of it over 16 stakes exceeds
  2/α with probability α/2 at most, however often one looks, if E d <= 0; the same with the other sign. Without a bound
  there is no guarantee: a rule that has seen n points has not seen events that are rarer than 3/n. Then |mean d| >
  z s/√n decides, look k at the two-sided level α/(k(k+1)), from a quarter of `Linf` on; a sample in which one point has
  a quarter of Σd² is not settled; and a random part of the experiments is audited: their labels are found from `Linf`
  points and compared with what the rule would have settled. Where one differs, a learner takes no label of this
  calibration from fewer than `Linf` points.

What is kept are the sums (n, Σd, Σd²) and the largest |d|, from which either rule can be applied again.

Sources: Σ 1/(k(k+1)) = 1 is the schedule of Robbins, *Statistical methods related to the law of the iterated
logarithm*, Ann. Math. Statist. 41 (1970); the sequential idea is Wald's. The inequality for the capital is Fan's,
J. Math. Anal. Appl. 428 (2015); bets on bounded means: Waudby-Smith & Ramdas, JRSS B 86 (2024).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from numbers import Integral
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp, ndtri

__all__ = ["FixedLabel", "LabelRule", "PairedSums", "SequentialLabel"]

#: A mean within this many standard errors of 0 is a near tie.
NEAR = 2.0

#: A sample in which one point has this share of Σd² is far from the central limit.
HEAVY = 0.25

#: Stakes on the sign, in units of 1/bound.
_STAKES = 0.99 / 2.0 ** np.arange(16)


def check_whole(name: str, value: object, least: int) -> None:
    """Refuse a parameter that is no whole number, or a smaller one than `least`.

    Raises
    ------
    ValueError
        If it is.
    """
    if not isinstance(value, Integral) or value < least:
        raise ValueError(f"`{name}` should be a whole number of at least {least}, but is {value!r}.")


@dataclass(frozen=True, slots=True)
class PairedSums:
    """Sums over paired differences d = Q_A − Q_B.

    Attributes
    ----------
    n : int
        Number of pairs.
    total, squares : float
        Σd and Σd², in units of the loss and its square.
    largest : float
        The largest |d|, in units of the loss.

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
    largest: float = 0.0

    @classmethod
    def of(cls, difference: NDArray[np.floating]) -> Self:
        """Return the sums of an array of differences, shape (n,)."""
        largest = float(np.abs(difference).max(initial=0.0))
        return cls(difference.size, float(difference.sum()), float(difference @ difference), largest)

    def __add__(self, other: PairedSums) -> PairedSums:
        largest = max(self.largest, other.largest)
        return PairedSums(self.n + other.n, self.total + other.total, self.squares + other.squares, largest)

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

    @property
    def near_tie(self) -> bool:
        """Whether the mean lies within two standard errors of 0 (not if every difference is 0: the same model)."""
        return self.squares > 0 and abs(self.mean) < NEAR * self.stderr

    @property
    def rests_on_one_point(self) -> bool:
        """Whether one difference has a quarter of Σd² or more, in a sample of at least 32."""
        return self.n >= 32 and self.largest**2 >= HEAVY * self.squares > 0


class LabelRule(Protocol):
    """Rule by which a label is determined."""

    @property
    def Linf(self) -> int:
        """Number of points to which the evaluation of an experiment goes by itself."""
        ...

    @property
    def sequential(self) -> bool:
        """Whether blocks of an endless sample are wanted, where an experiment offers them."""
        ...

    def sizes(self, n: int = 0) -> Iterator[int]:
        """Total sample sizes at which to look, after `n` points were seen."""
        ...

    @property
    def bound(self) -> float | None:
        """Bound on |d| that the rule relies on, in units of the loss; None if there is none."""
        ...

    def label(self, sums: PairedSums) -> bool | None:
        """True if A wins, False if B wins (ties: B, as the comparison is strict), None while unsettled."""
        ...

    def audited(self, index: int) -> bool:
        """Whether the label of experiment `index` is found from all points, whatever is settled before."""
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
    cap : int, optional
        A near tie gets 2 Linf, 4 Linf, ... points up to this number; none by default, as in the paper.

    Examples
    --------
    >>> import numpy as np
    >>> from adaptive_calib.calibration import FixedLabel, PairedSums
    >>> FixedLabel(3).label(PairedSums.of(np.array([-1.0, -3.0, 2.0])))  # A has the smaller mean loss
    True
    >>> FixedLabel(3, cap=12).label(PairedSums.of(np.array([-1.0, -3.0, 2.0]))) is None  # a near tie: more points
    True
    """

    Linf: int
    cap: int | None = None

    def __post_init__(self) -> None:
        check_whole("Linf", self.Linf, 1)
        if self.cap is not None and not self.cap >= self.Linf:
            raise ValueError(f"`cap` should be at least Linf = {self.Linf}, but is {self.cap!r}.")

    @property
    def sequential(self) -> bool:
        """The paper's rule: samples of ``data_model``."""
        return False

    @property
    def bound(self) -> float | None:
        """The rule needs no bound."""
        return None

    def sizes(self, n: int = 0) -> Iterator[int]:
        """`Linf` points, then twice as many up to `cap`."""
        size, last = self.Linf, self.cap or self.Linf
        while True:
            if size > n:
                yield size
            if size >= last:
                return
            size = min(2 * size, last)

    def label(self, sums: PairedSums) -> bool | None:
        """Return the sign; None for a near tie below `cap`, and where every single difference is zero."""
        if self.cap is not None and sums.n < self.cap and sums.near_tie:
            return None
        return sums.total < 0 if sums.squares > 0 else None

    def audited(self, index: int) -> bool:
        """Return False: every label rests on all points."""
        return False

    def next_size(self, sums: PairedSums) -> int | None:
        """Return None: the evaluation of an experiment goes on by itself."""
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
        Probability of a wrong sign, over all looks, in (0, 1). Kept for every distribution with a `bound`; without one
        as far as the central limit theorem holds.
    first : int, optional
        Size of the first sample, >= 2; by default a quarter of `Linf`, or 128 with a `bound`.
    bound : float, optional
        Bound on |Q_A - Q_B| of every single point, in units of the loss. An experiment that exceeds it fails.
    audit : float
        Share of the experiments that is audited, in [0, 1]; nothing is audited with a `bound`.

    Examples
    --------
    >>> import numpy as np
    >>> from adaptive_calib.calibration import PairedSums, SequentialLabel
    >>> rule = SequentialLabel(12288, alpha=0.01)
    >>> rule.label(PairedSums.of(np.tile([0.01, -0.01], 1536))) is None  # not settled by 3072 points
    True
    """

    Linf: int
    Linf_max: int | None = None
    alpha: float = 0.01
    first: int | None = None
    bound: float | None = None
    audit: float = 0.05

    def __post_init__(self) -> None:
        if not 0 < self.alpha < 1:
            raise ValueError(f"`alpha` is a probability in (0, 1), but is {self.alpha!r}.")
        if self.bound is not None and not 0 < self.bound < math.inf:
            raise ValueError(f"`bound` should be positive and finite, but is {self.bound!r}.")
        if not 0 <= self.audit <= 1:
            raise ValueError(f"`audit` should be a share in [0, 1], but is {self.audit!r}.")
        for name, value in (("first", self.first), ("Linf", self.Linf), ("Linf_max", self.Linf_max)):
            if value is not None:
                check_whole(name, value, 2)
        if not 2 <= self.start <= self.Linf <= self.last:
            raise ValueError(
                f"expected 2 <= first <= Linf <= Linf_max, but got first={self.start}, Linf={self.Linf}, "
                f"Linf_max={self.last}."
            )

    @property
    def start(self) -> int:
        """Size of the first sample."""
        if self.first is not None:
            return self.first
        return max(2, self.Linf // 4) if self.bound is None else min(128, self.Linf)

    @property
    def last(self) -> int:
        """The largest sample."""
        return self.Linf if self.Linf_max is None else self.Linf_max

    @property
    def sequential(self) -> bool:
        """Blocks of an endless sample are wanted."""
        return True

    def _grid(self, limit: int) -> Iterator[int]:
        size = self.start
        while size < limit:
            yield size
            size *= 2
        yield limit

    def sizes(self, n: int = 0) -> Iterator[int]:
        """The first sample, twice as many, ... up to `Linf`."""
        return (size for size in self._grid(self.Linf) if size > n)

    def label(self, sums: PairedSums) -> bool | None:
        """Return the sign once it is settled."""
        if self.bound is not None:
            return self._by_betting(sums, self.bound)
        look = 1 + math.ceil(math.log2(max(sums.n / self.start, 1.0)))
        z = -float(ndtri(0.5 * self.alpha / (look * (look + 1))))
        if sums.n >= 2 and abs(sums.mean) > z * sums.stderr and not sums.rests_on_one_point:
            return sums.total < 0
        return None

    def _by_betting(self, sums: PairedSums, bound: float) -> bool | None:
        total, squares = sums.total / bound, sums.squares / bound**2
        cost = squares * (np.log1p(-_STAKES) + _STAKES)
        for sign in (-1.0, 1.0):
            capital = float(logsumexp(sign * _STAKES * total + cost)) - math.log(_STAKES.size)
            if capital >= math.log(2 / self.alpha):
                return sign < 0
        return None

    def audited(self, index: int) -> bool:
        """Whether experiment `index` is audited: a draw that depends on its index alone."""
        if self.bound is not None:
            return False
        return bool(np.random.SeedSequence((index, 20_240_229)).generate_state(1)[0] < self.audit * 2.0**32)

    def next_size(self, sums: PairedSums) -> int | None:
        """Return twice the size, `Linf_max` at most."""
        return min(2 * sums.n, self.last) if sums.n < self.last else None
