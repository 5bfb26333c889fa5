"""`GPLearner`: adaptive sampling of a function of several numbers by a Gaussian process, with or without noise.

The next point is the one of 512 candidates (scrambled Sobol points) that leaves the least variance on average over the
domain. The kernel is fitted to the first 4 N + 4 valid values, and again each time that there are a quarter more, up to
the first 300: with the kernel fixed a point costs some milliseconds. All of it is a function of the data in their
order, so that a learner made from the data chooses the same points.

From about 1000 points on the process itself becomes dear, as its cost grows with the third power of their number.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from functools import partial
from itertools import islice, pairwise
from typing import Any, Literal, Self, overload

import numpy as np
from scipy.stats import qmc

from adaptive_calib._arrays import Floats
from adaptive_calib.learner import _familiar_methods
from adaptive_calib.learner._domain_nd import DomainND, PointND
from adaptive_calib.learner._gaussian.improvement import around, believing, expected_improvement
from adaptive_calib.learner._gaussian.peaks import WithPeaks, fitted_in_noise, hidden
from adaptive_calib.learner._gaussian.process import MOST_FITTED, Model, Process, Variances, fitted, prior
from adaptive_calib.learner._gaussian.validity import NONE, label_model, labels, valid_chance
from adaptive_calib.learner._twins import TWIN_DIFFERENCE, TWINS
from adaptive_calib.learner.base_learner import BaseLearner, cache_latest, check_number_of_points
from adaptive_calib.learner.claims import CONFIDENCE, FRACTION, Claim, ErrorCheck
from adaptive_calib.learner.values import no_valid_value, value_and_vector

__all__ = ["GPLearner"]

#: Values between fits of the kernel grow by this factor.
GROWTH = 1.25
#: Candidates, of which each set serves for a quarter of its number of points, and places where errors are estimated.
CANDIDATES, REFERENCES = 512, 256
#: Largest lattice of integers that is searched as a whole.
MOST_LATTICE = 4096
#: Places of even points at the most; with noise every other point is one. With three of four the mean of a ridge or a
#: wave in noise was up to a quarter worse, and peaks were found no sooner.
MOST_EVEN, EVEN = 2048, 2
#: Gain of the logarithm of the likelihood that makes values suspected of noise.
NOISE_EVIDENCE = 8.0
#: Values of twins agree if they differ by less than this share of the suspected noise.
AGREE = 0.01


#: What points are for.
Acquisition = Literal["variance", "minimum"]


class GPLearner(BaseLearner):
    """Learn a function of N numbers by a Gaussian process; needs scikit-learn (``adaptive_calib[gp]``).

    Made for four and more numbers, where triangulations fail, for smooth functions of one to three that are dear, and
    for noisy ones. It makes sense up to about 1000 points.

    Parameters
    ----------
    function : callable
        Takes a tuple of N numbers, returns a number or a vector of fixed length M.
    bounds
        N pairs (low, high), for one number ``[(low, high)]``; or points of the plane or of space, or a
        `scipy.spatial.ConvexHull`, as for `LearnerND`.
    noise : bool
        Whether values are random around a mean that is to be learned. Each place is evaluated once; the noise, which
        may be larger in some regions, is shared between places. Narrow peaks of the mean are looked for.
    acquisition : {"variance", "minimum"}
        What points are for. "variance": to know the function, they leave the least variance on average. "minimum": to
        find its lowest value, which has to be a number, they are where it is expected to be improved most.
    x_scale : {"linear", "log"}, or one for each dimension
        On a logarithmic scale lengths are ratios.
    integer : bool, or one for each dimension
        Only integers are asked for in these dimensions.

    Attributes
    ----------
    data : dict
        Point (tuple) -> value.
    bounds
        As given.

    Raises
    ------
    ImportError
        Without scikit-learn.

    Examples
    --------
    >>> import math
    >>> from adaptive_calib import GPLearner
    >>> from adaptive_calib.runner import simple
    >>> learner = GPLearner(lambda p: math.sin(p[0] + 2 * p[1]) * math.exp(-p[2] * p[3]), bounds=[(0, 1)] * 4)
    >>> simple(learner, npoints_goal=40)
    >>> value, error = learner.predict((0.5, 0.5, 0.5, 0.5), return_error=True)
    >>> bool(abs(value - math.sin(1.5) * math.exp(-0.25)) < 0.01)
    True
    """

    def __init__(
        self,
        function: Callable[[PointND], Any],
        bounds: Any,
        *,
        noise: bool = False,
        acquisition: Acquisition = "variance",
        x_scale: Any = "linear",
        integer: Any = False,
    ) -> None:
        self.function = function
        self.bounds = bounds
        if acquisition not in ("variance", "minimum"):
            raise ValueError(f"`acquisition` should be 'variance' or 'minimum', but is {acquisition!r}.")
        self.noise = bool(noise)
        self.acquisition = acquisition
        self._parameters: dict[str, Any] = {
            "noise": noise,
            "acquisition": acquisition,
            "x_scale": x_scale,
            "integer": integer,
        }
        self._domain = DomainND(bounds, x_scale, integer, fewest=1)
        prior(self.ndim)  # refuses here what scikit-learn is missing for
        self._first = 4 * self.ndim + 4
        self.data: dict[PointND, Any] = {}
        self._inner: dict[PointND, Floats | None] = {}  # values as vectors, None if invalid; in the order of `data`
        self._pending: dict[PointND, None] = {}
        self._failed: dict[PointND, None] = {}
        self._shape: tuple[int, ...] | None = None
        self._check: ErrorCheck | None = None
        self._open: dict[PointND, None] = {}
        self._before: Process | None = None
        self._claim: Claim | None = None
        self._lazy: dict[str, Any] = {}  # what is computed from the above: name -> (of what, result)

    def new(self) -> Self:
        """Return a learner of the same function and parameters, without data."""
        return type(self)(self.function, self.bounds, **self._parameters)

    # -- data --------------------------------------------------------------------------------------------------------

    @property
    def ndim(self) -> int:
        """Dimension N of the points."""
        return self._domain.ndim

    @property
    def vdim(self) -> int:
        """Length of the values; 1 for numbers and while there is no data."""
        return self._shape[0] if self._shape else 1

    @property
    def bounding_box(self) -> tuple[tuple[float, float], ...]:
        """The smallest box around the domain, (low, high) for each dimension."""
        return self._domain.bbox

    @property
    def npoints(self) -> int:
        """Number of observed points, invalid ones included."""
        return len(self.data)

    @property
    def pending_points(self) -> set[PointND]:
        """The pending points (a new set at each access)."""
        return set(self._pending)

    @property
    def failed_points(self) -> Collection[PointND]:
        """The failed points."""
        return frozenset(self._failed)

    def tell(self, x: Any, y: Any) -> None:
        """Record the value `y` at the point `x` of the domain, asked for or not; no effect on an observed point.

        Raises
        ------
        TypeError, ValueError
            `x` is no point of the domain, or `y` no number or vector of the shape of the values so far.
        """
        point = self._read(x)
        value, inner = value_and_vector(y, point, self._shape)
        if self.acquisition == "minimum" and np.shape(value):
            raise ValueError(f"acquisition='minimum' needs numbers as values, but at {point!r} came {y!r}.")
        if point in self.data:
            return
        if (check := self._check) is not None and self._is_place(point, check):
            self._open = self._free_points(check)
        if point in self._open:
            self._observe_check(point, inner)
        if inner is not None and self._shape is None:
            self._shape = np.shape(value)
        self._pending.pop(point, None)
        self._failed.pop(point, None)
        self.data[point] = value
        self._inner[point] = inner

    def tell_many(self, xs: Iterable[Any], ys: Iterable[Any]) -> None:
        """Record many values, one by one; the lengths are compared first."""
        super().tell_many(list(xs), list(ys))

    def tell_pending(self, x: Any) -> None:
        """Mark `x` as pending; no effect on an observed or a failed point."""
        point = self._read(x)
        if point not in self.data and point not in self._failed:
            self._pending[point] = None

    def tell_failed(self, x: Any) -> None:
        """Mark `x` as failed: not pending, never asked for again; a later value revokes it."""
        point = self._read(x)
        if point in self.data or point in self._failed:
            return
        if point in self._open:
            self._observe_check(point, None)
        self._pending.pop(point, None)
        self._failed[point] = None

    def remove_unfinished(self) -> None:
        """Forget the pending points: they may be asked for again."""
        self._pending.clear()

    def _read(self, x: Any) -> PointND:
        point = self._domain.read(x)
        if not self._domain.contains(point):
            raise ValueError(f"a point should lie in the domain, within {self.bounding_box}, but came {point!r}.")
        return point

    def _known(self, point: PointND) -> bool:
        return point in self.data or point in self._failed or point in self._pending

    # -- the process -------------------------------------------------------------------------------------------------

    def _kept(self, name: str, of: Any, compute: Callable[[], Any]) -> Any:
        if self._lazy.get(name, (None,))[0] != of:
            self._lazy[name] = of, compute()
        return self._lazy[name][1]

    def _valid(self, most: int | None = None) -> tuple[Floats, Floats]:
        """Return coordinates and values, shapes (n, N) and (n, M), of the first valid points."""
        valid = [(x, y) for x, y in self._inner.items() if y is not None][:most]
        return self._domain.us(np.array([x for x, _ in valid], float)), np.array([y for _, y in valid])

    def _stage(self) -> int:
        """Return to how many values the kernel is fitted; 0: none. In noise peaks are looked for in all values."""
        return self._stage_of(
            sum(y is not None for y in self._inner.values()), sys.maxsize if self.noise else MOST_FITTED
        )

    def _stage_of(self, known: int, most: int = MOST_FITTED) -> int:
        stage = self._first
        while (following := min(math.ceil(GROWTH * stage), most)) <= known and stage < most:
            stage = following
        return stage if known >= stage else 0

    def _model(self) -> Model:
        stage = self._stage()
        if not stage:
            return prior(self.ndim, self.vdim)

        def fit() -> Model:
            return fitted_in_noise(*self._valid(stage)) if self.noise else fitted(*self._valid(stage), False)

        model: Model = self._kept("model", stage, fit)
        return model

    def _process(self) -> Process:
        process: Process = self._kept("process", len(self.data), lambda: Process(self._model(), *self._valid()))
        return process

    def _chances(self, points: Collection[PointND]) -> Floats:
        """Return for points of the domain how probable a valid value is; 1 before both kinds are known."""
        known = [*self._failed, *self.data]
        valid, us = [self._inner.get(point) is not None for point in known], self._domain.us
        stage = self._stage_of(len(known))
        if not points or all(valid[:stage]) or not any(valid[:stage]):
            return np.ones(len(points))
        places = us(np.array(known, float))
        fit = partial(label_model, places[:stage], valid[:stage])
        model = self._kept("label model", (stage, len(self._failed)), fit)
        key = len(self.data), len(self._failed)
        process: Process = self._kept("labelled", key, lambda: Process(model, places, labels(valid)))
        return valid_chance(process, us(np.array(list(points), float)))

    def _references(self) -> list[PointND]:
        seed = 10**6 if self.noise else 0  # other places than the even ones
        places: list[PointND] = self._kept("references", 0, lambda: self._sobol(seed, REFERENCES))
        return places

    def _sobol(self, seed: int, n: int) -> list[PointND]:
        """Return at most n points of the domain, evenly spread, each once."""
        domain = self._domain
        places = qmc.Sobol(self.ndim, rng=np.random.default_rng([seed, self.ndim])).random(2 * n)
        points = dict.fromkeys(map(domain.x, places.tolist()))
        return [point for point in points if domain.contains(point)][:n]

    def _lattice(self) -> list[PointND]:
        """Return all points of a domain of few integers; none of another."""
        points: list[PointND] = self._kept("lattice", 0, lambda: self._domain.all_points(MOST_LATTICE))
        return points

    def _variances(self) -> tuple[Variances, list[PointND]]:
        """Return the variances given all known points, the observed ones first, and the candidates."""
        known = [*self.data, *self._failed, *self._pending]
        pool = 1 + 4 * len(known) // CANDIDATES

        def begin() -> tuple[Variances, list[PointND]]:
            us = self._domain.us
            candidates = self._lattice() or self._sobol(pool, CANDIDATES)
            return Variances(self._model(), us(np.array(candidates)), us(np.array(self._references()))), candidates

        variances, candidates = self._kept("variances", (self._stage(), pool), begin)
        variances.set_points([self._domain.u(point) for point in known])
        key = (self._stage(), pool, len(self.data), len(self._failed))
        variances.chances = self._kept("candidates' chances", key, lambda: self._chances(candidates))
        weights = self._kept("references' chances", key, lambda: self._chances(self._references()))
        variances.weights = weights / weights.mean()
        return variances, candidates

    # -- ask ---------------------------------------------------------------------------------------------------------

    def ask(self, n: int, tell_pending: bool = True) -> tuple[list[PointND], list[float]]:
        """Choose at most `n` points, one after the other as if those before were observed; see `BaseLearner.ask`.

        The first 4 N + 4 points are spread evenly, with infinite improvement. That of others is by how much the loss is
        expected to fall. On the way to an error goal it asks for check points and, while they are out, for no others.
        """
        n = check_number_of_points(n)
        if not n or self.stopped_because():
            return [], []
        twins = {} if self._open else dict.fromkeys(self._twins()[0])
        opened = self._open or twins or self._checks()
        if opened:
            points = [point for point in opened if not self._known(point)][:n]
            improvements = [self.loss(real=False)] * len(points)
        else:
            points, improvements = self._choose(n)
        if tell_pending:
            if opened and not self._open and not twins:
                self._open = opened
            self._pending.update(dict.fromkeys(points))
        return points, improvements

    def _choose(self, n: int) -> tuple[list[PointND], list[float]]:
        if self.acquisition == "minimum" and self._stage():
            return self._choose_lowest(n)
        count, points = len(self.data) + len(self._failed) + len(self._pending), []
        if count < self._first or self.noise:
            even = self._kept("even", 0, lambda: self._sobol(0, MOST_EVEN))[
                : self._first if count < self._first else None
            ]
            wanted = n if count < self._first else n - (count + n) // EVEN + count // EVEN
            free = list(islice((point for point in even if not self._known(point)), 8 * wanted))
            likely = zip(free, self._chances(free), strict=True)
            points = [point for point, chance in likely if chance > NONE][:wanted]
        variances, candidates = self._variances()
        variances.set_points([*variances.points, *map(self._domain.u, points)])
        allowed = [not self._known(point) and point not in points for point in candidates]
        found = variances.best(n - len(points), allowed)
        points += [candidates[i] for i, _ in found]
        if not self._stage():
            return points, [math.inf] * len(points)
        losses = [self._loss_of(left) for left in (variances.integrated(len(variances.points)), *(v for _, v in found))]
        return points, [math.inf] * (len(points) - len(found)) + [a - b for a, b in pairwise(losses)]

    def _choose_lowest(self, n: int, real: bool = False) -> tuple[list[PointND], list[float]]:
        """Return at most n points with their expected improvements as shares of the range; none known or pending."""
        domain, process = self._domain, self._process()
        start, lowest = self.lowest()
        pending = [] if real else [domain.u(point) for point in self._pending]
        near = map(domain.x, around(np.array(domain.u(start))).tolist())
        pool = self._lattice() or self._sobol(1 + 4 * len(self.data) // CANDIDATES, CANDIDATES)
        known = {*self.data, *self._failed, *(() if real else self._pending)}
        places = [x for x in dict.fromkeys([*pool, *near]) if domain.contains(x) and x not in known]
        size, chances = float(np.ptp(process.values)) or 1.0, self._chances(places)
        points: list[PointND] = []
        improvements: list[float] = []
        while places and len(points) < n:
            believed = believing(process, np.array(pending))
            gains = chances * expected_improvement(believed, domain.us(np.array(places, float)), lowest)
            best = int(gains.argmax())
            points.append(places.pop(best))
            chances = np.delete(chances, best)
            improvements.append(float(gains[best]) / size)
            pending.append(domain.u(points[-1]))
        return points, improvements

    def lowest(self) -> tuple[PointND, float]:
        """Return the point with the lowest value, and that value; with `noise` those of the lowest mean at a point.

        Raises
        ------
        ValueError
            Without a valid value, or with vectors as values.
        """
        valid = [point for point, y in self._inner.items() if y is not None]
        if not valid or self._shape:
            raise ValueError("a lowest value needs numbers as values, and at least one of them.")
        values = self._process()(self._valid()[0])[0][:, 0] if self.noise and self._stage() else self._valid()[1][:, 0]
        best = int(values.argmin())
        return valid[best], float(values[best])

    def _loss_of(self, variance: float) -> float:
        values = self._valid()[1]
        ranges, scale = np.ptp(values, axis=0), self._model().scale
        return math.sqrt(variance) * float(np.divide(scale, ranges, out=np.ones_like(scale), where=ranges > 0).max())

    @cache_latest
    def loss(self, real: bool = True) -> float:
        """Return the root mean square of the standard deviation, as a share of the range; inf before the first fit.

        With ``acquisition="minimum"`` the largest expected improvement of the lowest value, as a share of the range.
        """
        if not self._stage():
            return math.inf
        if self.acquisition == "minimum":
            return max(self._choose_lowest(1, real)[1], default=0.0)
        variances, _ = self._variances()
        return self._loss_of(variances.integrated(len(self.data) if real else len(variances.points)))

    # -- error goal --------------------------------------------------------------------------------------------------

    @property
    def error_goal(self) -> float | None:
        """The error goal, in units of the values; None without one, and with `noise`, where values check nothing."""
        return None if self._check is None else self._check.error

    def set_error_goal(
        self, error: float | None, fraction: float | None = None, confidence: float | None = None
    ) -> None:
        """Check, once the estimated error is at most `error`, whether it is so; None: no longer.

        Parameters
        ----------
        error : float or None
            In units of the values. With the same goal as before nothing changes.
        fraction, confidence : float, optional
            See `adaptive_calib.learner.claims.Claim`; by default 0.1 and 0.9.
        """
        check = None
        if error is not None and not self.noise:
            check = ErrorCheck(float(error), self.ndim, fraction or FRACTION, confidence or CONFIDENCE)
            if self._check is not None and self._check.asks_the_same(check):
                return
        self._check, self._open, self._before, self._claim = check, {}, None, None
        if check is not None:  # data from an earlier run with this goal make its claim again
            data, failed = self.data, self._failed
            self.data, self._inner, self._failed = {}, {}, {}
            self.tell_many(data.keys(), data.values())
            for point in failed:
                self.tell_failed(point)

    def largest_error(self) -> float:
        """Return two standard deviations at the worst of 256 places spread over the domain; inf before the first fit.

        Places where a value is less probable than none are left out, unless all are. With `noise` three, corners
        included, and at least the amplitude of a peak of a quarter of a plane's width that the noise hides. Nothing
        guarantees it: it is a statement about functions that vary everywhere as they do at the points;
        `claim().resolution` is how narrow peaks of that size may be missed.
        """
        if not self._stage():
            return math.inf
        places = self._references()
        if not self.noise:
            return 2 * self._largest_deviation(places)
        model, domain = self._model(), self._domain
        peaks = [point for point in map(domain.x, model.kernel.places().tolist()) if domain.contains(point)]
        error = 3 * self._largest_deviation(places + domain.corners + peaks)
        return max(error, hidden(model, self._process().u)[0])

    def _largest_deviation(self, places: list[PointND]) -> float:
        likely = [place for place, chance in zip(places, self._chances(places), strict=True) if chance >= 0.5]
        places = likely or places
        return float(self.predict(np.array(places, float), return_error=True)[1].max())

    def claim(self) -> Claim | None:
        """Return what is claimed about the error of `predict`; see `adaptive_calib.learner.claims`."""
        if self.noise and math.isfinite(error := self.largest_error()):
            return replace(Claim.estimated(error), resolution=hidden(self._model(), self._process().u, error)[1])
        if self._check is not None and self._claim is None and self._stage() and self._all_known():
            us, values = self._valid()  # values are met up to the nugget
            off = float(np.abs(self._process()(us)[0] - values).max())
            missing = 1 - len(values) / len({*self.data, *self._failed})
            return replace(self._check.claim(unpredicted=missing, exhausted=True), error=max(self._check.error, off))
        return super().claim() if self._claim is None else self._claim

    def _all_known(self, *more: PointND) -> bool:
        """Whether every point of a domain of integers is known, or one of `more`."""
        return bool(lattice := self._lattice()) and {*self.data, *self._failed, *more}.issuperset(lattice)

    def _checks(self) -> dict[PointND, None]:
        """Return the points of a check that can begin now; none without a goal, or while the estimate is above it."""
        check = self._check
        if check is None or self._claim is not None or self.largest_error() > check.target:
            return {}
        return self._free_points(check)

    def _free_points(self, check: ErrorCheck) -> dict[PointND, None]:
        """Return the points of the present check; none that has a value or has failed, or lies outside the domain."""

        def point_at(place: tuple[float, ...]) -> PointND | None:
            point = self._domain.x(place)
            free = point not in self.data and point not in self._failed and self._domain.contains(point)
            return point if free else None

        points = check.points(len(self.data), point_at)
        if len(points) < check.block and (lattice := self._lattice()):
            points = dict.fromkeys(x for x in lattice if x not in self.data and x not in self._failed)
        return points

    def _is_place(self, point: PointND, check: ErrorCheck) -> bool:
        """Whether the value at a point begins a check: one is due, or was when the point was asked for.

        Of integers any point may be one, and which were asked for as such is not known: there the estimate decides.
        """
        if self._open or self._claim is not None:
            return False
        key = check.failed, len(check.places(len(self.data)))
        if point not in self._kept("places", (check, key), lambda: self._free_points(check)) or not self._stage():
            return False
        return not all(self._domain.integer) or self.largest_error() <= check.target

    def _observe_check(self, point: PointND, value: Floats | None) -> None:
        """Compare a value, None if there is none, with the prediction of the points before the check."""
        check = self._check
        assert check is not None
        if self._before is None:
            self._before = self._process()
        check.begin(len(self.data))
        del self._open[point]
        if value is None or self._beside_invalid([point])[0]:
            right = True  # reported as unpredicted, which the claim leaves out; where the region ends, no process tells
        else:
            predicted = self._before(self._domain.us(np.array([point], float)))[0][0]
            right = check.record(float(np.abs(predicted - value).max()))
        if right and not self._open and check.passed < check.block:  # others instead of those that were left out
            more = (x for x in self._free_points(check) if x != point)
            self._open = dict.fromkeys(islice(more, check.block - check.passed))
        if right and not self._open:
            unpredicted = float(np.mean(self._beside_invalid(self._references())))
            self._claim = check.claim(unpredicted=unpredicted, exhausted=self._all_known(point))
        if not right or not self._open:
            self._open, self._before = {}, None

    def _beside_invalid(self, points: list[PointND]) -> list[bool]:
        """Return for points of the domain whether the nearest known one has no valid value."""
        known = [*self.data, *self._failed]
        if len(known) == sum(y is not None for y in self._inner.values()):
            return [False] * len(points)
        us = self._domain.us
        nearest = self._model().kernel(us(np.array(points, float)), us(np.array(known, float))).argmax(axis=1)
        return [self._inner.get(known[i]) is None for i in nearest.tolist()]

    def stopped_because(self) -> str:
        """Return why no more points are asked for on the way to an error goal; empty if they are.

        It is noise above the goal, or that no value is valid.
        """
        if self._check is None:
            return ""
        if not self._stage():
            known = any(y is not None for y in self._inner.values())
            return "" if known else no_valid_value(len(self.data) + len(self._failed))
        size = self._twins()[1]
        if size <= self._check.error:
            return ""
        return (
            f"noise of about {size:.1g} in the values; the goal of {self._check.error:g} is below it: "
            "use GPLearner(..., noise=True) for their mean"
        )

    def _twins(self) -> tuple[list[PointND], float]:
        """Return twins to ask for, and the deviation of the noise that they showed, 0.0 without.

        Unresolved structure and noise look the same in the likelihood; they differ at twins of the points that are
        missed by most. One that agrees is enough to see no noise in the values of this stage.
        """
        check, stage = self._check, self._stage()
        if check is None or not stage:
            return [], 0.0

        def suspect() -> tuple[list[tuple[Floats, PointND]], float]:
            us, values = self._valid(stage)
            exact = self._model()
            model = fitted(us, values, True, (exact.kernel.k2.nu,))
            if model.likelihood - exact.likelihood < NOISE_EVIDENCE:
                return [], 0.0
            valid = [(point, y) for point, y in self._inner.items() if y is not None]
            worst = np.argsort(-np.abs(Process(model, us, values).missed).max(axis=1), kind="stable")
            twins = ((valid[i][1], self._domain.twin(valid[i][0])) for i in worst.tolist())
            pairs = [(y, twin) for y, twin in twins if twin is not None]
            return pairs[:TWINS], math.sqrt(model.noise) * float(model.scale.max())

        pairs, size = self._kept("suspected", stage, suspect)
        if len(pairs) < TWINS or size <= check.error:
            return [], 0.0
        known = [(y, self._inner[twin]) for y, twin in pairs if twin in self._inner]
        apart = [0.0 if other is None else float(np.abs(y - other).max()) for y, other in known]
        if min(apart, default=math.inf) < AGREE * size:
            return [], 0.0
        if len(known) < TWINS:
            return [twin for _, twin in pairs if not self._known(twin)], 0.0
        return [], min(size, float(np.median(apart)) / TWIN_DIFFERENCE)

    # -- predict -----------------------------------------------------------------------------------------------------

    @overload
    def predict(self, x: Any, return_error: Literal[False] = False) -> np.ndarray: ...

    @overload
    def predict(self, x: Any, return_error: Literal[True]) -> tuple[np.ndarray, np.ndarray]: ...

    def predict(self, x: Any, return_error: bool = False) -> np.ndarray | tuple[np.ndarray, np.ndarray]:
        """Return the mean of the process at many points, and its standard deviation.

        Parameters
        ----------
        x : array, shape (..., N)
            NaN is returned outside the domain, and everywhere before the first 4 N + 4 valid values.
        return_error : bool
            Return the standard deviation as well; of the mean, the noise is not in it.

        Returns
        -------
        value : array
            Shape ``x.shape[:-1]``; for vectors of M components with M at the end.
        error : array, shape ``x.shape[:-1]``
            For vectors the largest of a component.
        """
        at = self._domain.many(x)
        flat = at.reshape(-1, self.ndim)
        values, errors = np.full((len(flat), self.vdim), math.nan), np.full(len(flat), math.nan)
        inside = self._domain.inside(flat)
        if self._stage() and inside.any():
            values[inside], errors[inside] = self._process()(self._domain.us(flat[inside]))
        shape = at.shape[:-1]
        value = values.reshape(shape if not self._shape else (*shape, self.vdim))
        return (value, errors.reshape(shape)) if return_error else value

    def probability_of_value(self, x: Any) -> np.ndarray:
        """Return how probable a valid value is at many points: how much of the domain has none, and where.

        Parameters
        ----------
        x : array, shape (..., N)

        Returns
        -------
        array, shape ``x.shape[:-1]``
            From 0 to 1, learned from the points with a value and without (NaN, infinite or failed); 1 everywhere before
            both are known.

        Examples
        --------
        >>> import math
        >>> from adaptive_calib import GPLearner
        >>> from adaptive_calib.runner import simple
        >>> learner = GPLearner(lambda p: p[0] * p[1] if p[0] > 0 else math.nan, bounds=[(-1, 1), (0, 1)])
        >>> simple(learner, npoints_goal=40)
        >>> (learner.probability_of_value([(-0.7, 0.5), (0.7, 0.5)]) > 0.5).tolist()
        [False, True]
        """
        at = self._domain.many(x)
        return self._chances(list(map(tuple, at.reshape(-1, self.ndim).tolist()))).reshape(at.shape[:-1])

    # -- copies and plots --------------------------------------------------------------------------------------------

    def _get_data(self) -> dict[PointND, Any]:
        return self.data

    def _set_data(self, data: Mapping[PointND, Any]) -> None:
        fresh = self.new()
        fresh.tell_many(data.keys(), [np.copy(y) if isinstance(y, np.ndarray) else y for y in data.values()])
        self.__dict__.update(fresh.__dict__)

    def fastest_axes(self) -> list[int]:
        """Return the dimensions, that along which the function changes fastest first: by the lengths of the kernel."""
        kernel = self._model().kernel
        kernel = kernel.base if isinstance(kernel, WithPeaks) else kernel
        lengths = np.array(getattr(kernel, "k2", kernel).length_scale)
        return [int(k) for k in np.argsort(lengths, kind="stable")]

    def plot(self, n: int | None = None) -> Any:
        """Return a curve, an image, or cuts of more than two numbers, see `adaptive_calib.view.gp_learner.plot`."""
        return _familiar_methods.view("gp_learner").plot(self, n)

    def plot_slice(self, cut_mapping: Mapping[int, float], n: int | None = None) -> Any:
        """Return a curve or an image of a cut, see `adaptive_calib.view.learnerND.plot_slice`."""
        return _familiar_methods.view("learnerND").plot_slice(self, cut_mapping, n)
