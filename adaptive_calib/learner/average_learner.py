"""The mean of a random function of a seed, until its standard error is small enough.

With n valid samples of mean m and corrected standard deviation s the standard error is SE = s/√n and the loss

    loss = max(SE/atol, SE/(rtol·|m|)),      infinite below `min_npoints`;

the goal is ``loss <= 1``. Mean and sum of squared deviations M₂ = Σ(y - m)² are kept by Welford's recurrence (B. P.
Welford, Technometrics 4, 1962): d = y - m; m += d/n; M₂ += d·(y - m). Σy² - n·m² would lose all digits for values such
as 10⁸ ± 1 and call them converged. Where squares of values would over- or underflow, the moments are in another unit,
a power of two (`_unit`).

Seeds are 0, 1, 2, ... As long as no seed is told, marked or given up out of order, the seeds taken are exactly those
below `_next`, and the pending ones are those below `_next` that are neither observed nor failed. Otherwise `_next` is
-1 and `_marked` holds the pending seeds. One cycle of ask, tell and loss takes about a microsecond; the three methods
are written for that.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import frexp, inf, isfinite, ldexp, nan, sqrt
from typing import Any, Self

import numpy as np

from adaptive_calib._arrays import Floats
from adaptive_calib.learner import _familiar_methods
from adaptive_calib.learner.base_learner import BaseLearner, check_number_of_points
from adaptive_calib.learner.values import real_number

__all__ = ["AverageLearner"]

#: Bounds of M₂ between which no square of a value has over- or underflowed.
_SMALLEST, _LARGEST = 1e-250, 1e300

_UNKNOWN = -1.0  # the loss has to be computed: a value was recorded since


class AverageLearner(BaseLearner):
    """Learns the mean of ``function(seed)``.

    Parameters
    ----------
    function : callable
        Called with a seed (int); should be random and depend on the seed only.
    atol, rtol : float, optional
        Wanted standard error of the mean, absolute and relative to the mean; at least one of them, positive.
    min_npoints : int
        No goal is reached with fewer samples; at least 2. Two samples that happen to be equal have the standard
        deviation 0, so take more for a function with few different values.

    Attributes
    ----------
    data : dict
        Seed -> value; NaN and infinite values are kept, but are no part of the mean.
    failed_points : set of int
        Failed seeds.

    Raises
    ------
    ValueError
        If neither tolerance is given, or one is not positive.

    Examples
    --------
    >>> import random
    >>> from adaptive_calib import AverageLearner
    >>> from adaptive_calib.runner import simple
    >>> learner = AverageLearner(lambda seed: random.Random(seed).gauss(0.5, 1), atol=0.1)
    >>> simple(learner, loss_goal=1)  # the standard error is at most atol
    >>> abs(learner.mean - 0.5) < 0.4, learner.std / learner.npoints**0.5 <= 0.1
    (True, True)
    """

    data: dict[int, float]
    failed_points: set[int]

    def __init__(
        self,
        function: Callable[[int], Any],
        atol: float | None = None,
        rtol: float | None = None,
        min_npoints: int = 2,
    ) -> None:
        if atol is None and rtol is None:
            raise ValueError("At least one of `atol` and `rtol` should be set.")
        self.function = function
        self._latest: float | None = None
        self.atol = inf if atol is None else atol
        self.rtol = inf if rtol is None else rtol
        self.min_npoints = min_npoints
        self._clear()

    def _clear(self) -> None:
        self.data = {}
        self.failed_points = set()
        self._n = 0  # valid samples
        self._unit = 1.0  # of _mean and, squared, of _m2: a power of two
        self._mean = 0.0
        self._m2 = 0.0
        self._loss = _UNKNOWN
        self._next = 0
        self._floor = 0  # every seed below is taken; may lag behind
        self._marked: set[int] = set()

    def new(self) -> Self:
        """Return a learner of the same function and tolerances, without data."""
        return type(self)(self.function, self._atol, self._rtol, self._min_npoints)

    # ------------------------------------------------------------------------------------------------- parameters

    @property
    def atol(self) -> float:
        """Wanted absolute standard error; inf if only `rtol` counts."""
        return self._atol

    @atol.setter
    def atol(self, atol: float) -> None:
        self._atol = _tolerance("atol", atol)
        self._loss = _UNKNOWN

    @property
    def rtol(self) -> float:
        """Wanted standard error, relative to the mean; inf if only `atol` counts."""
        return self._rtol

    @rtol.setter
    def rtol(self, rtol: float) -> None:
        self._rtol = _tolerance("rtol", rtol)
        self._loss = _UNKNOWN

    @property
    def min_npoints(self) -> int:
        """Fewest samples for a finite loss; at least 2."""
        return self._min_npoints

    @min_npoints.setter
    def min_npoints(self, min_npoints: int) -> None:
        self._min_npoints = max(min_npoints, 2)
        self._loss = _UNKNOWN

    # ---------------------------------------------------------------------------------------------------- moments

    @property
    def npoints(self) -> int:
        """Number of observed seeds, invalid values included."""
        return len(self.data)

    @property
    def ninvalid(self) -> int:
        """Number of observed values that are NaN or infinite."""
        return len(self.data) - self._n

    @property
    def n_requested(self) -> int:
        """Number of seeds observed or pending."""
        if self._next >= 0:
            return self._next - len(self.failed_points)
        return len(self.data) + len(self._marked)

    @property
    def mean(self) -> float:
        """Mean of the valid values; NaN if there are none."""
        return self._mean * self._unit if self._n else nan

    @property
    def std(self) -> float:
        """Corrected (n - 1) standard deviation of the valid values; inf below `min_npoints`."""
        return self._unit * sqrt(self._m2 / (self._n - 1)) if self._n >= self._min_npoints else inf

    @property
    def sum_f(self) -> float:
        """Sum of the valid values."""
        return self._n * self.mean if self._n else 0.0

    @property
    def sum_f_sq(self) -> float:
        """Sum of the squares of the valid values."""
        return (self._m2 + self._n * self._mean**2) * self._unit**2

    def largest_error(self) -> float:
        """Return the standard error of the mean, in units of the values: what `atol` limits; inf below `min_npoints`.

        One standard error: the true mean lies within it with a probability of 68 %, within two of them with 95 %.
        """
        n = self._n
        return self._unit * sqrt(self._m2 / ((n - 1) * n)) if n >= self._min_npoints else inf

    def loss(self, real: bool = True, *, n: int | None = None) -> float:
        """Return the standard error in units of the tolerances.

        Parameters
        ----------
        real : bool
            False: expected loss with the pending seeds observed, if mean and standard deviation stay the same.
        n : int, optional
            Expected loss with `n` samples.
        """
        loss = self._loss
        if loss < 0.0:
            count = self._n
            if count >= self._min_npoints:
                error = sqrt(self._m2 / ((count - 1) * count))  # in units of _unit
                loss = error / (self._rtol * (abs(self._mean) or 1.0 / self._unit))
                error *= self._unit
                if error / self._atol > loss:
                    loss = error / self._atol
            else:
                loss = inf
            self._loss = loss
        if n is not None or not real:
            loss = self._loss_with(self._n + len(self.pending_points) if n is None else n)
        self._latest = loss
        return loss

    def _loss_with(self, n: int) -> float:
        """Return the loss if these mean and standard deviation were of `n` samples; `_loss` is known."""
        return self._loss * sqrt(self._n / n) if n > 0 and self._loss < inf else inf

    @property
    def latest_loss(self) -> float | None:
        """The last value that `loss` returned; None before the first."""
        return self._latest

    @property
    def _cache(self) -> dict[str, float]:
        # read by python-adaptive's displays
        return {} if self._latest is None else {"loss": self._latest}

    # ---------------------------------------------------------------------------------------------- ask and tell

    def ask(self, n: int, tell_pending: bool = True) -> tuple[list[int], list[float]]:
        """Return the next `n` seeds; the improvement of each is (loss - loss with n more samples) / n.

        The seeds continue the count of seeds taken. If one of these is taken out of order, they are the lowest free
        ones.
        """
        if n == 1 and tell_pending:
            seed = self._next
            if seed >= 0:
                loss = self._loss
                self._next = seed + 1
                if loss < 0.0:
                    loss = self._known_loss()
                if loss < inf:
                    count = self._n
                    loss -= loss * sqrt(count / (count + 1))
                return [seed], [loss]
        n = check_number_of_points(n)
        if n == 0:
            return [], []
        seeds = self._free_seeds(n)
        loss = self._known_loss()
        if loss < inf:
            loss = (loss - self._loss_with(self._n + n)) / n
        if tell_pending:
            if self._next >= 0:
                self._next += n
            else:
                self._marked.update(seeds)
                self._use_next_if_possible()
        return seeds, [loss] * n

    def _known_loss(self) -> float:
        """Return the loss without a change of `latest_loss`."""
        latest = self._latest
        loss = self.loss()
        self._latest = latest
        return loss

    def _free_seeds(self, n: int) -> list[int]:
        if self._next >= 0:
            return list(range(self._next, self._next + n))
        taken = len(self.data) + len(self._marked) + len(self.failed_points)
        following = range(taken, taken + n)
        if not any(self._is_taken(seed) for seed in following):
            return list(following)
        free: list[int] = []
        seed = self._floor
        while len(free) < n:
            if not self._is_taken(seed):
                free.append(seed)
            seed += 1
        return free

    def _is_taken(self, seed: int) -> bool:
        if 0 <= seed < self._next:
            return True
        return seed in self.data or seed in self._marked or seed in self.failed_points

    def tell(self, x: int, y: float) -> None:
        """Record the value `y` at seed `x`; a seed that is known is ignored.

        Parameters
        ----------
        x : int
            The seed, asked for or not.
        y : float
            A real number, see `values`. NaN, infinite and masked values are kept as invalid and left out of the mean.

        Raises
        ------
        TypeError
            If `x` is no integer or `y` no real number; nothing has changed then.
        """
        data = self.data
        if type(y) is float and type(x) is int and 0 <= x < self._next and x not in data and not self.failed_points:
            count = self._n + 1
            mean = self._mean
            deviation = y - mean
            mean += deviation / count
            m2 = self._m2 + deviation * (y - mean)
            # M₂ has neither over- nor underflowed, and the moments have their usual unit
            if _SMALLEST < m2 < inf and self._unit == 1.0:
                data[x] = y
                self._n = count
                self._mean = mean
                self._m2 = m2
                self._loss = _UNKNOWN
                return
        self._tell_any(x, y)

    def _tell_any(self, x: int, y: float) -> None:
        """`tell` of a seed out of order, of a value that is not a finite float, or where M₂ overflows."""
        seed = _seed(x)
        value = float(real_number(y, seed))
        if seed in self.data:
            return
        if not 0 <= seed < self._next:
            self._mark_explicitly()
        self.data[seed] = value
        self._marked.discard(seed)
        self.failed_points.discard(seed)
        if isfinite(value):
            self._n += 1
            self._add(value / self._unit, self._n)
            if not 0.0 <= self._m2 < _LARGEST or 0.0 < self._m2 < _SMALLEST or (self._m2 == 0.0 and value != self.mean):
                self._choose_unit()
        self._loss = _UNKNOWN
        self._use_next_if_possible()

    def _add(self, value: float, count: int) -> None:
        """Add the `count`-th value to the moments."""
        deviation = value - self._mean
        self._mean += deviation / count
        self._m2 += deviation * (value - self._mean)

    def _choose_unit(self) -> None:
        """Choose the unit in which the squares of the values neither over- nor underflow; compute the moments again."""
        values = [y for y in self.data.values() if isfinite(y)]
        largest = max(map(abs, values))
        self._unit = ldexp(1.0, min(frexp(largest)[1], 1023)) if largest else 1.0
        self._mean = self._m2 = 0.0
        for count, value in enumerate(values, start=1):
            self._add(value / self._unit, count)

    def tell_pending(self, x: int) -> None:
        """Mark seed `x` as pending."""
        seed = _seed(x)
        if self._is_taken(seed):
            return
        if seed == self._next:
            self._next += 1
        else:
            self._mark_explicitly()
            self._marked.add(seed)
            self._use_next_if_possible()

    def tell_failed(self, x: int) -> None:
        """Mark seed `x` as failed: never asked for again, no part of the mean."""
        seed = _seed(x)
        if seed in self.data or seed in self.failed_points:
            return
        if not 0 <= seed < self._next:
            self._mark_explicitly()
            self._marked.discard(seed)
        self.failed_points.add(seed)
        self._use_next_if_possible()

    def remove_unfinished(self) -> None:
        """Give up the pending seeds: they are asked for again."""
        self._mark_explicitly()
        self._floor = min(self._marked | {self._floor})
        self._marked.clear()
        self._use_next_if_possible()

    @property
    def pending_points(self) -> set[int]:
        """The pending seeds, as a new set."""
        if self._next < 0:
            return set(self._marked)
        self._raise_floor()
        return {s for s in range(self._floor, self._next) if s not in self.data and s not in self.failed_points}

    # ---------------------------------------------------------------------------------- the bookkeeping of seeds

    def _mark_explicitly(self) -> None:
        """Switch from `_next` to `_marked` for the pending seeds."""
        if self._next >= 0:
            self._marked = self.pending_points
            self._next = -1

    def _use_next_if_possible(self) -> None:
        """Switch back to `_next` if the seeds taken are 0 ... k-1."""
        if self._next >= 0:
            return
        self._raise_floor()
        if self._floor == len(self.data) + len(self._marked) + len(self.failed_points):
            self._next = self._floor
            self._floor = min(self._marked, default=self._floor)
            self._marked = set()
        # with `_next` the floor ends at the first pending seed

    def _raise_floor(self) -> None:
        """Move the floor to the first seed that is not observed or failed (nor, with `_marked`, pending)."""
        floor = self._floor
        while floor in self.data or floor in self.failed_points or floor in self._marked:
            floor += 1
        self._floor = floor

    # ----------------------------------------------------------------------------------------- data in and out

    def _get_data(self) -> tuple[dict[int, float], int, float, float]:
        return dict(self.data), self.npoints, self.sum_f, self.sum_f_sq

    def _set_data(self, data: tuple[Mapping[int, float], int, float, float]) -> None:
        # moments are computed again, in the same order: the sums of old files have lost digits
        self._clear()
        self._next = len(data[0])
        if any(not 0 <= seed < self._next for seed in data[0]):
            self._next = -1
        self.tell_many(data[0].keys(), data[0].values())

    def to_numpy(self) -> Floats:
        """Return the data as rows (seed, value), sorted by seed, shape (npoints, 2)."""
        return np.array(sorted(self.data.items()), dtype=float)

    def plot(self) -> Any:
        """Return a `holoviews.Histogram` of the values, with max(5, √npoints) bins."""
        return _familiar_methods.view("average_learner").plot(self)


def _tolerance(name: str, value: float) -> float:
    if not value > 0:
        raise ValueError(f"`{name}` should be positive, but is {value!r}.")
    return float(value)


def _seed(x: Any) -> int:
    try:
        return int(x.__index__())
    except (AttributeError, TypeError):
        raise TypeError(f"a seed should be an integer, but is {x!r} ({type(x).__name__}).") from None
