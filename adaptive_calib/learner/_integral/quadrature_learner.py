"""What the integrators of one and of several numbers share: tolerances, checks, and points that are asked for and told.

A learner divides its domain into parts, each with a rule whose nodes it asks for. When the estimated error is within
the tolerance, check points are asked for; the integral is done when a check has passed, and the next check after one
that failed has twice as many points. Values that come later, of points that were pending then, are compared as well: as
long as they agree, integral and error stay what was claimed; they become nodes when more points are asked for. An
integral is done as well when there is noise that the tolerance is not above (`noise`).
"""

from __future__ import annotations

from abc import abstractmethod
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from math import inf
from numbers import Real
from typing import Any

import numpy as np

from adaptive_calib.learner._integral.interval import IntegralEstimate, Value, is_finite, norm
from adaptive_calib.learner._integral.noise import NoiseWatch
from adaptive_calib.learner.base_learner import BaseLearner, check_number_of_points
from adaptive_calib.learner.claims import Claim
from adaptive_calib.learner.integrator_coeffs import eps
from adaptive_calib.learner.values import value_and_vector

__all__ = ["BLIND_CHECKS", "CHECKS", "MOST_CHECKS", "ROUNDING", "SMALL_MISS", "QuadratureLearner"]

#: Points of the first check, and the most of a later one.
CHECKS, MOST_CHECKS = 8, 64
#: Points of a check where the nodes saw a constant, as far as it matters to the wanted error. With 96 one of 20 tents
#: of 2 % of the interval or more was missed.
BLIND_CHECKS = 128

#: An error below this times the integral of the absolute values is rounding, whatever the tolerance.
ROUNDING = 16 * eps

#: The largest value times the size of the domain.
LARGEST = 1e300

#: The states in which an estimate is checked; in others it is not good enough.
CHECKED = ("reached", "rounding")

#: A check passes if no point shows an error larger than this share of the wanted one.
SMALL_MISS = 0.25


class QuadratureLearner(BaseLearner):
    """Base class of integrators; see `IntegratorLearner` and `CubatureLearner` for parameters and attributes."""

    data: dict[Any, Value]
    pending_points: set[Any]
    failed_points: set[Any]

    speculation = 0.4
    _error_goal: float | None = None  # instead of both tolerances

    def __init__(self, function: Callable[[Any], Any], tol: float, atol: float) -> None:
        tolerances: dict[str, Any] = {"tol": tol, "atol": atol}
        for name, given in tolerances.items():
            if not isinstance(given, Real):
                raise TypeError(f"`{name}` should be a number, but is {given!r} ({type(given).__name__}).")
        if not 0 < tol < inf:
            raise ValueError(f"`tol` should be positive and finite, but is {tol!r}.")
        if not 0 <= atol < inf:
            raise ValueError(f"`atol` should be at least 0 and finite, but is {atol!r}.")
        self.function = function
        self.tol = float(tol)
        self.atol = float(atol)

    def _clear(self) -> None:
        self.data = {}
        self.pending_points = set()
        self.failed_points = set()
        self._shape: tuple[int, ...] | None = None  # of the values: () or (N,); None before the first valid one
        # points without a value, in the order in which they came -> what needs them; check points have no owner
        self._owners: dict[Any, list[Any]] = {}
        self._stack: deque[Any] = deque()  # to be asked for; those that are not in _unasked are skipped
        self._unasked: set[Any] = set()
        self._speculated = 0  # nodes asked for before they were known to be needed
        self._check_round = 0
        self._open_checks: set[Any] = set()  # check points of this round without a value
        self._check_failed = False  # in this round
        self._checks_made = 0  # points of the latest round
        self._checked_for = inf  # wanted error of the round that has passed
        self._late: list[Any] = []  # nodes whose values came after that, and agreed with what is claimed
        self._noise = NoiseWatch()
        self._lost = 0.0  # error of parts that cannot be improved, when noise was last looked for

    # -------------------------------------------------------------------------------------------- what a rule defines

    @property
    @abstractmethod
    def _volume(self) -> float:
        """Length or volume of the domain."""

    @abstractmethod
    def _estimate(self) -> IntegralEstimate | None:
        """Return the sums over the domain; None before the first."""

    @abstractmethod
    def _can_improve(self) -> bool:
        """Whether a part may still be improved."""

    @abstractmethod
    def _lost_error(self) -> float:
        """Return the error of parts that cannot be improved: too narrow, too many, or without any valid value."""

    def _unknown_error(self) -> float:
        """Return the error that comes from values missing all over the domain; 0 for a rule that leaves these out."""
        return 0.0

    @abstractmethod
    def _fill_stack(self) -> bool:
        """Refine or divide parts until there are nodes to ask for; False if that cannot be."""

    @abstractmethod
    def _improvement(self, x: Any) -> float:
        """Return the error of the part that needs the point `x`."""

    @abstractmethod
    def _arrived(self, x: Any) -> None:
        """Use the value at `x`, which is now observed or failed."""

    @abstractmethod
    def _use_check(self, x: Any) -> None:
        """Compare the value at a check point with what was foretold."""

    @abstractmethod
    def _check_points(self) -> list[Any]:
        """Return the points of the next check."""

    @abstractmethod
    def _twins(self) -> Iterator[tuple[Any, Value, float]]:
        """Yield points beside nodes of the worst parts, the values there, and the difference that is no noise."""

    @abstractmethod
    def _shape_is_known(self) -> None:
        """Adapt estimates of parts without any valid value to the shape of the values."""

    @abstractmethod
    def state(self) -> dict[str, Any]:
        """Return data, parts and pending points as plain dicts, lists and numbers."""

    @abstractmethod
    def take_state(self, state: Mapping[str, Any]) -> None:
        """Take over the state that `state` returned."""

    # --------------------------------------------------------------------------------------------------- estimates

    @property
    def _extent(self) -> float:
        """Length or volume of the domain; 1 for an infinite interval."""
        return self._volume if self._volume < inf else 1.0

    @property
    def npoints(self) -> int:
        """Number of observed points."""
        return len(self.data)

    @property
    def ninvalid(self) -> int:
        """Number of observed values that are NaN or infinite."""
        return sum(not is_finite(y) for y in self.data.values())

    @property
    def igral(self) -> Value:
        """The integral as far as it is known, an array of shape (N,) for vectors; 0 before the first estimate."""
        estimate = self._estimate()
        if estimate is None:
            return np.zeros(self._shape) if self._shape else 0.0
        return estimate.igral

    @property
    def err(self) -> float:
        """The estimated absolute error of `igral`; inf before the first estimate."""
        estimate = self._estimate()
        return inf if estimate is None else estimate.err

    def largest_error(self) -> float:
        """Return `err`, in units of the integral.

        Inf before the first estimate. The estimate is cautious: the integral is mostly much nearer to the true one.
        """
        return self.err

    @property
    def wanted(self) -> float:
        """The wanted absolute error: the larger of `atol` and ``tol·|igral|``, with the 2-norm of a vector.

        With an error goal it is that.
        """
        if self._error_goal is not None:
            return self._error_goal
        return max(norm(self.igral) * self.tol, self.atol)

    @property
    def error_goal(self) -> float | None:
        """The error goal, in units of the integral; None without one."""
        return self._error_goal

    def set_error_goal(self, error: float | None) -> None:
        """Take `error` as the wanted absolute error, instead of both tolerances; with None these count again.

        Raises
        ------
        ValueError
            If `error` is not positive and finite.
        """
        given: Any = error
        is_number = isinstance(given, Real)
        if given is not None and not (is_number and 0 < float(given) < inf):
            raise ValueError(f"an error goal should be positive and finite, but is {error!r}.")
        before = self.wanted
        self._error_goal = None if error is None else float(error)
        if self._open_checks and self.wanted < before:
            self._check_failed = True  # values were compared with a larger error

    @property
    def _checked(self) -> bool:
        """Whether a check has passed, for the wanted error or about that."""
        return self._checked_for < inf and self.wanted >= self._checked_for / 2

    def _state(self) -> str:
        """Return "reached", "rounding" or "noise" (the tolerance is below it), "exhausted" or "open"."""
        estimate = self._estimate()
        if estimate is None:
            return "open" if self._can_improve() else "exhausted"
        wanted = self.wanted
        if estimate.err == 0 or estimate.err < wanted:
            return "reached"
        rounding = ROUNDING * estimate.size
        if estimate.err - estimate.err_removed < wanted < estimate.err_removed or estimate.err <= rounding:
            return "rounding"
        if self._noise.size:
            return "noise"
        return "open" if self._can_improve() and self._lost <= wanted else "exhausted"

    def done(self) -> bool:
        """Whether the tolerance is reached and checked, or cannot be reached; `stopped_because` says which."""
        state = self._state()
        if state not in CHECKED:
            return state != "open"
        return self._checked or not (self._open_checks or self._wants_check())

    @property
    def converged(self) -> bool:
        """Whether the tolerance is reached and a check of the interpolants has passed."""
        return self._state() == "reached" and self._checked

    def claim(self) -> Claim | None:
        """Return the estimated error of the integral, with the number of points of the check that has passed."""
        claim = super().claim()
        return replace(claim, checks=self._checks_made) if claim and self.converged else claim

    def stopped_because(self) -> str:
        """Return in one line why the learner is done, or that it is not."""
        state, err = self._state(), self.err
        goal = self._error_goal
        given = f"tol={self.tol:g}, atol={self.atol:g}" if goal is None else f"error_goal={goal:g}"
        larger = "`tol` or `atol`" if goal is None else "`error_goal`"
        wanted = f"the wanted error is {self.wanted:.2g} ({given})"
        if not self.done():
            return f"the integral is not done: the estimated error is {err:.2g}, {wanted}"
        if state == "reached":
            igral = np.array2string(np.asarray(self.igral), threshold=8, formatter={"float_kind": "{:.7g}".format})
            return f"the integral is {igral} with an estimated error of {err:.2g}; {wanted}"
        if state == "rounding":
            return (
                f"the estimated error of the integral, {err:.2g}, is rounding of the values; {wanted}: "
                f"choose a larger {larger}"
            )
        if state == "noise":
            return (
                f"noise of about {self._noise.size:.1g} in the values keeps the estimated error of the integral at "
                f"{err:.2g}; {wanted}: choose a larger {larger}, or return the mean of repeated evaluations"
            )
        return (
            "no part of the domain with a large error can be improved: the estimated error of the integral is "
            f"{err:.2g}, {wanted}: look at the function where values are missing or change from one float to the next, "
            "or split the domain there"
        )

    def loss(self, real: bool = True) -> float:
        """Return the distance of the error from the wanted one, ``abs(wanted - err)``."""
        loss = abs(self.wanted - self.err)
        self.__dict__.setdefault("_cache", {})["loss"] = loss
        return loss

    # --------------------------------------------------------------------------------------------------------- ask

    def ask(self, n: int, tell_pending: bool = True) -> tuple[list[Any], list[float]]:
        """Return the next `n` nodes; the improvement of each is the largest error of a part that needs it.

        Fewer points come when others would be needed only if the pending values turn out unfavourable (`speculation`),
        and none when nothing can be improved, or an error goal cannot be reached.
        """
        n = check_number_of_points(n)
        if self._error_goal is not None and self.done() and not self.converged:
            return [], []
        if not tell_pending:
            return self._preview(n)
        if n:
            self._use_late()
            self._begin_check()
        points: list[Any] = []
        improvements: list[float] = []
        while len(points) < n and self._fill_stack():
            x = self._stack.popleft()
            if x in self._unasked:
                self._unasked.discard(x)
                self.pending_points.add(x)
                points.append(x)
                improvements.append(self._improvement(x))
        return points, improvements

    def _preview(self, n: int) -> tuple[list[Any], list[float]]:
        """Return the points that `ask` would return, without a change."""
        if not n:
            return [], []
        if not (self._late or self._starts_check()):
            points = [x for x in self._stack if x in self._unasked][:n]
            if len(points) == n:
                return points, [self._improvement(x) for x in points]
        copied = self.new()
        copied.take_state(self.state())
        return copied.ask(n)

    def _require_known(self, x: Any, what: str) -> None:
        """Raise ValueError unless `x` was asked for, or the next `ask` would return it."""
        if not self._is_known(x):
            self._use_late()
            self._begin_check()
            self._fill_stack()
        if not self._is_known(x):
            raise ValueError(f"Point {x} doesn't belong to any interval; only points that `ask` returned can {what}.")

    def _is_known(self, x: Any) -> bool:
        return x in self.data or x in self.failed_points or x in self._owners

    # ------------------------------------------------------------------------------------------------------ checks

    def _wants_check(self) -> bool:
        """Whether there is an estimate to check."""
        return self._estimate() is not None and len(self._check_points()) > 0

    def _starts_check(self) -> bool:
        return not self._checked and not self._open_checks and self._state() in CHECKED and self._wants_check()

    def _begin_check(self) -> None:
        """Ask for check points next, if the tolerance is reached and no check has passed."""
        if self._starts_check():
            self._check_failed = False
            points = self._check_points()
            self._open_checks = set(points)
            self._checks_made = len(points)
            for x in points:
                self._owners[x] = []
            self._stack.extendleft(reversed(points))
            self._unasked.update(points)

    def _number_of_checks(self) -> int:
        return BLIND_CHECKS if self._saw_nothing() else min(CHECKS * 2**self._check_round, MOST_CHECKS)

    def _saw_nothing(self) -> bool:
        """Whether all values are equal, as they are beside a feature that is narrower than the gaps.

        That is up to rounding, or up to what changes the integral by no more than the wanted error.
        """
        values = np.array([y for y in self.data.values() if is_finite(y)])
        if not len(values):
            return True
        spread = np.ptp(values, axis=0)
        if np.all(spread <= 16 * eps * np.abs(values).max(axis=0)):
            return True
        estimate = self._estimate()
        return estimate is not None and min(norm(spread) * self._volume, estimate.size) <= self.wanted

    def _largest_miss(self, size: float) -> float:
        """Return the largest error of a part of that size that a check point may show; a late value, what is claimed.

        Late ones are where the error is largest, as beside a step.
        """
        return (1.0 if self._checked else SMALL_MISS) * max(self.wanted, ROUNDING * size)

    def _end_check(self) -> None:
        """Note the outcome if no check point is left."""
        if not self._open_checks:
            self._checked_for = inf if self._check_failed else self.wanted
            self._check_round += self._check_failed

    # -------------------------------------------------------------------------------------------------------- tell

    def tell(self, x: Any, y: Value) -> None:
        """Record the value at a node.

        Parameters
        ----------
        x
            A point that `ask` returned, or is about to. A second value replaces the first in `data`; estimates that
            were computed from the first stay.
        y : float or vector of shape (N,)
            See `values`. NaN, infinite and masked values are left out.

        Raises
        ------
        ValueError
            If `x` is no such point, the length of `y` is not that of the values so far, or it is above 1e300 in size,
            or times the size of the domain.
        TypeError
            If `y` is no real number and no vector of them. For the integral of a complex function return both parts.
        DivergentIntegralError
            If the integral seems to be infinite; the value is recorded all the same.
        """
        x = self.data_key(x)
        self._require_known(x, "be told")
        value, valid = value_and_vector(y, x, self._shape)
        if not isinstance(value, np.ndarray):
            value = float(value)
        size = float(np.abs(value).max()) if isinstance(value, np.ndarray) else abs(value)
        if size < inf and size * self._extent > LARGEST:
            raise ValueError(
                f"the value at {x} times the size of the domain should be at most {LARGEST:g}, as sums of larger ones "
                f"overflow, but is {size:.3g} times {self._extent:.3g}; return it in another unit, or use another unit "
                "of length."
            )
        # a plain NaN says "no value here" for vectors, too
        if self._shape is None and (valid is not None or np.ndim(value)):
            self._shape = np.shape(value)
            self._shape_is_known()
        self.failed_points.discard(x)
        self.data[x] = value
        self._take(x)

    def _take(self, x: Any) -> None:
        """Use the value at `x`, or that there is none, for the estimates, and to look for noise."""
        twins = list(self._noise.twins.open)
        if x in twins:
            beside, _ = self._noise.twins.open[x]
            y = self.data.get(x, np.nan)
            self._noise.observe(x, norm(y - beside) if is_finite(y) else 0.0)
            if not self._noise.twins.open:  # those that were not asked for are not needed
                for twin in self._unasked.intersection(twins):
                    self._unasked.discard(twin)
                    del self._owners[twin]
        self.pending_points.discard(x)
        self._unasked.discard(x)
        if self._checked and self._state() in CHECKED:
            if x in self._owners and x not in self._late:
                self._late.append(x)
                self._use_check(x)
            if self._checked:
                return
        self._use_late()
        self._arrived(x)
        if self._state() == "open":
            if self._noise.look(len(self.data), self.err, self._twins):
                unknown = self._unknown_error()
                hopeless = self._noise.observe_unknown(unknown, self.wanted)
                self._lost = unknown if hopeless else self._lost_error()
            new = [twin for twin in self._noise.twins.open if not self._is_known(twin)]
            self._owners.update((twin, []) for twin in new)
            self._stack.extendleft(reversed(new))
            self._unasked.update(new)

    def _use_late(self) -> None:
        """Use values that came after the check as nodes, as more points are wanted."""
        while self._late:
            self._arrived(self._late.pop(0))

    def tell_pending(self, x: Any) -> None:
        """Mark the node `x` as pending; ValueError if it is no node."""
        x = self.data_key(x)
        self._require_known(x, "be pending")
        if x in self._unasked:
            self._unasked.discard(x)
            self.pending_points.add(x)

    def tell_failed(self, x: Any) -> None:
        """Mark the node `x` as failed: it is left out of the estimates; ValueError if it is no node."""
        x = self.data_key(x)
        self._require_known(x, "fail")
        if x not in self.data and x not in self.failed_points:
            self.failed_points.add(x)
            self._take(x)

    def remove_unfinished(self) -> None:
        """Give up the pending nodes: they are asked for again."""
        self.pending_points = set()
        self._stack = deque(x for x in self._owners if x not in self._late)
        self._unasked = set(self._stack)

    # ------------------------------------------------------------------------------------------------ data in and out

    def _shared_state(self) -> dict[str, Any]:
        return {
            "data": dict(self.data),
            "failed": sorted(self.failed_points),
            "unknown": list(self._owners),
            "pending": [x for x in self._owners if x in self.pending_points],
            "stack": [x for x in self._stack if x in self._unasked],
            "speculated": self._speculated,
            "noise": (self._lost, *self._noise.export()),
            "check": (self._check_round, sorted(self._open_checks), self._check_failed, self._checked_for),
            "checks_made": self._checks_made,
        }

    def _take_shared_state(self, state: Mapping[str, Any]) -> None:
        self._clear()
        self.data = dict(state["data"])
        shapes = {np.shape(y) for y in self.data.values() if np.ndim(y) or is_finite(y)}
        self._shape = shapes.pop() if shapes else None
        self.failed_points = set(state["failed"])
        self._owners = {x: [] for x in state["unknown"]}
        self.pending_points = set(state["pending"])
        self._late = [x for x in self._owners if x in self.data or x in self.failed_points]
        self._stack = deque(state["stack"])
        self._unasked = set(self._stack)
        self._speculated = state.get("speculated", 0)
        self._check_round, checks, self._check_failed, checked = state.get("check", (0, [], False, inf))
        # that of an older version was whether a check had passed
        self._checked_for = (0.0 if checked else inf) if isinstance(checked, bool) else checked
        self._open_checks = set(checks)
        self._checks_made = state.get("checks_made", CHECKS)
        if "noise" in state:
            self._lost, *noise = state["noise"]
            self._noise.restore(noise)

    def _want(self, nodes: Iterable[Any], owner: Any) -> int:
        """Enter nodes for `owner`; those without a value are asked for once. Return how many there are of these."""
        wanted = 0
        for x in dict.fromkeys(nodes):
            if x in self.data or x in self.failed_points:
                continue
            wanted += 1
            if x not in self._owners:
                self._owners[x] = []
                self._stack.append(x)
                self._unasked.add(x)
            self._owners[x].append(owner)
        return wanted

    def _get_data(self) -> dict[str, Any]:
        return self.state()
