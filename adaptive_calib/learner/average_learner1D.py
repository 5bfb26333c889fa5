"""`AverageLearner1D`: the mean of a noisy function of one number, with more samples where the noise matters.

Mathematics
-----------
At each x there are m samples y_s, one for each seed s, with mean ȳ and s² = Σ(y - ȳ)²/(m - 1) (Welford's running
moments, so that a sample costs the same whatever m is). The half-width of the confidence interval is

    error(x) = t_{1-α, m-1} · s/√m,          infinite for m = 1,

the true mean lies inside with probability 1 - 2α. With d_i = hypot(x_{i+1} - x_i, ȳ_{i+1} - ȳ_i), unscaled,

    rescaled_error(x_i) = error(x_i) / min(d_{i-1}, d_i).

The next sample is taken at an undersampled x, the one with fewest samples first; else at the x with the largest
rescaled error, if that is above `delta`; else at a new x, where `Learner1D` with the means as values would ask.

With an error goal (`set_error_goal`) other rules apply, since a claim on a mean curve needs samples everywhere:

- Every interval is at most `LOOK` of the domain long; that length is the `resolution` of the claim.
- About twelve x get `min_samples` (at least `WELL`) samples; each other one as many as its error bar needs, often one,
  see `_average.error_bars`.
- The interval with the largest estimated error of the line is divided; but if the estimate is below `ZIGZAG` times the
  error bars at its ends, it is mostly noise, and the end with the larger bar gets more samples.
- A place of the check (see `claims`) is sampled like an x, and its mean is compared with the line.
- With `max_samples` at an x whose error bar is still above the goal, the run ends with that reason.

With ``mode="shared"`` the noise is averaged over places, too: the mean is a curve through all samples together, see
`_average.mean_curve`, and new places are preferred to repeats, see `_average.places`.

Samples that are not finite are kept and counted, but are no part of mean and error. An x without any finite
sample is an invalid point for the intervals.

Source: the behaviour of python-adaptive 1.5.2; B. P. Welford, Technometrics 4 (1962) 419.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal, Self

import numpy as np

from adaptive_calib._arrays import Floats
from adaptive_calib.learner import _familiar_methods
from adaptive_calib.learner._average.error_bars import WELL, ErrorBars, Wanted
from adaptive_calib.learner._average.places import LOOK
from adaptive_calib.learner._average.rescaled import RescaledErrors
from adaptive_calib.learner._average.shared import Band, SharedNoise
from adaptive_calib.learner._average.site import SeedAndX, Site, seed_and_x
from adaptive_calib.learner._curve.features import SmoothPieces
from adaptive_calib.learner._curve.intervals import AutoCurve
from adaptive_calib.learner._interval.error_goal import ErrorGoal
from adaptive_calib.learner._interval.intervals import Intervals
from adaptive_calib.learner.base_learner import check_number_of_points
from adaptive_calib.learner.claims import Claim, ErrorCheck
from adaptive_calib.learner.learner1D import Learner1D
from adaptive_calib.learner.losses1D import IntervalLoss
from adaptive_calib.learner.smooth1D import Curve, ErrorLoss
from adaptive_calib.learner.values import real_number

__all__ = ["AverageLearner1D"]

#: From which samples the mean at an x comes.
NoiseMode = Literal["separate", "shared"]

#: With an estimate of less than this many error bars the means zigzag by chance.
ZIGZAG = 3.0


class AverageLearner1D(Learner1D):
    """Learn the mean of a noisy function of one number.

    Parameters
    ----------
    function : callable
        Takes ``(seed, x)``, seed an int and x a float; returns a number.
    bounds : tuple of 2
        Ends (a, b) of the domain.
    loss_per_interval : callable, optional
        As for `Learner1D`; sees the means.
    delta : float
        Largest rescaled error with which a new x is preferred to another sample; 0 < delta <= 1.
    alpha : float
        The confidence intervals hold with probability 1 - 2·alpha; 0 < alpha <= 1.
    neighbor_sampling : float
        Least number of samples of a new x, as a share of those of its neighbours; 0 < neighbor_sampling <= 1.
    min_samples, max_samples : int
        Fewest and most samples at one x; `min_samples` is 50 unless given, and 1 with ``mode="shared"``.
    min_error : float
        An x with an error of at most this is not sampled again.
    x_scale, integer, min_spacing
        As for `Learner1D`.
    mode : {"separate", "shared"}
        Whether the mean at an x comes from the samples there, as in python-adaptive, or from those at all x together:
        then `predict` gives a smooth curve and, as its error, half the width of the band in which the mean is at each
        x with a probability of 1 - 2 `alpha`; `roots`, `extrema`, `derivative` and `integral` are those of that curve.
        An x usually has one sample, and a curve takes a small part of the samples. Before there are some samples the
        curve is the line through the means. With "shared" `delta`, `neighbor_sampling` and the loss have no meaning.

    Attributes
    ----------
    data : dict
        x -> mean of the samples there.

    Examples
    --------
    >>> import random
    >>> from adaptive_calib import AverageLearner1D
    >>> from adaptive_calib.runner import simple
    >>> def noisy(seed_x):
    ...     seed, x = seed_x
    ...     return x**2 + random.Random(seed).gauss(0, 0.1)
    >>> learner = AverageLearner1D(noisy, bounds=(-1, 1), delta=0.2, min_samples=5, max_samples=20)
    >>> simple(learner, goal=lambda learner: learner.nsamples >= 200)
    >>> learner.nsamples >= 200, learner.npoints < 50
    (True, True)
    """

    _intervals: Intervals  # never those of mode='auto'

    def __init__(
        self,
        function: Callable[[Any], Any],
        bounds: tuple[float, float],
        loss_per_interval: IntervalLoss | None = None,
        delta: float = 0.2,
        alpha: float = 0.005,
        neighbor_sampling: float = 0.3,
        min_samples: int | None = None,
        max_samples: int = sys.maxsize,
        min_error: float = 0,
        *,
        x_scale: Literal["linear", "log"] = "linear",
        integer: bool = False,
        min_spacing: float = 0.0,
        mode: NoiseMode = "separate",
    ) -> None:
        if mode not in ("separate", "shared"):
            raise ValueError(f"`mode` should be 'separate' or 'shared', but is {mode!r}.")
        if mode == "shared" and loss_per_interval is not None:
            raise ValueError("with mode='shared' places follow the fitted curve: leave `loss_per_interval` out.")
        if min_samples is None:
            min_samples = min(50, max_samples) if mode == "separate" else 1
        for name, share in (("delta", delta), ("alpha", alpha), ("neighbor_sampling", neighbor_sampling)):
            if not 0 < share <= 1:
                raise ValueError(f"`{name}` should be above 0 and at most 1, but is {share!r}.")
        if not 0 <= min_samples <= max_samples:
            raise ValueError(
                f"`min_samples` should be from 0 to `max_samples` {max_samples!r}, but is {min_samples!r}."
            )
        super().__init__(function, bounds, loss_per_interval, x_scale=x_scale, integer=integer, min_spacing=min_spacing)
        self.delta = delta
        self.alpha = alpha
        self.neighbor_sampling = neighbor_sampling
        self.min_samples = min_samples
        self.max_samples = max_samples
        self.min_error = min_error
        self._shared = SharedNoise(self._domain) if mode == "shared" else None
        # means move with every sample: with a lagging scale the losses would depend on the order of all samples
        self._recompute_losses_factor = 1.0
        self._sites: dict[float, Site] = {}
        self._undersampled: set[float] = set()
        self._rescaled = RescaledErrors(self._sites)
        # the observed x at each coordinate
        self._names: dict[float, float] = {}
        self._bars: ErrorBars | None = None  # with an error goal

    # -- reading ---------------------------------------------------------------------------------------------------

    @property
    def mode(self) -> NoiseMode:  # type: ignore[override]  # of the noise here; the interpolant is a line or a spline
        """From which samples the mean at an x comes."""
        return "separate" if self._shared is None else "shared"

    @property
    def nsamples(self) -> int:
        """Number of samples at all x."""
        return sum([len(self._sites[x].samples) for x in self.data])

    @property
    def min_samples_per_point(self) -> int:
        """Fewest samples at any x; 0 without data."""
        return min([len(self._sites[x].samples) for x in self.data], default=0)

    @property
    def ninvalid(self) -> int:
        """Number of x without a finite sample."""
        return sum([not self._sites[x].valid for x in self.data])

    @property
    def samples(self) -> dict[float, dict[int, float]]:
        """X -> seed -> value, a copy; x in the order of observation."""
        return {x: dict(self._sites[x].samples) for x in self.data}

    @property
    def _data_samples(self) -> dict[float, dict[int, float]]:
        # python-adaptive's name, which users' scripts read
        return self.samples

    @property
    def pending_points(self) -> set[SeedAndX]:  # type: ignore[override]  # points are (seed, x) here
        """The pending points (seed, x) (a new set at each access)."""
        return {(seed, x) for x, site in self._sites.items() for seed in site.pending}

    @property
    def failed_points(self) -> frozenset[SeedAndX]:  # type: ignore[override]  # points are (seed, x) here
        """The points (seed, x) that failed for good."""
        return frozenset([(seed, x) for x, site in self._sites.items() for seed in site.failed])

    @property
    def error(self) -> dict[float, float]:
        """X -> half-width of the confidence interval of the mean, the largest first (a new dict at each access)."""
        return _descending({x: self._sites[x].error(self.alpha) for x in self.data})

    @property
    def rescaled_error(self) -> dict[float, float]:
        """X -> error over the distance to the nearer neighbour, the largest first; only x that may be sampled again."""
        return _descending(self._rescaled.values)

    def largest_error(self) -> float:
        """Return how far the line through the means may be from the true mean, anywhere, in units of the values.

        The largest error bar (see `error`) plus the largest estimated error of the interpolant of the means, as in
        `Learner1D`: between two points the line is off by what it bends past, and by what its ends are off. Cautious
        where noise makes the means zigzag, which looks like curvature; both parts fall with more samples.

        With ``mode="shared"`` the largest half-width of the band around the curve; infinite while a gap that can be
        divided is longer than a hundredth of the domain, since a peak in it would not be seen.

        Infinite until `Learner1D`'s is known and as long as an x has a single valid sample. An x without any valid
        sample, although there are enough of them, is left out. O(n) after each tell.
        """
        if self._shared is not None:
            return self._shared.largest_error(self._sites, self.alpha)
        if self._goal is not None:
            return self._goal.estimate(self._intervals)
        sites = [(x, site) for x, site in self._sites.items() if site.u is not None]
        bars = max([s.error(self.alpha) for x, s in sites if s.valid or x in self._undersampled], default=0.0)
        return bars + super().largest_error() if bars < math.inf else math.inf

    def loss(self, real: bool = True) -> float:
        """Return `Learner1D.loss` of the means; with ``mode="shared"`` the largest error bar over the range."""
        if self._shared is None:
            return super().loss(real)
        self._cache["loss"] = loss = self._shared.loss(self._sites, self.alpha)
        return loss

    # -- what follows from the curve: with mode="shared" that of the band ---------------------------------------------

    def _band(self) -> Band | None:
        return None if self._shared is None else self._shared.band(self._sites, self.alpha)

    def _described(self) -> Callable[[Floats], tuple[Floats, Floats]] | None:
        return self._band() or super()._described()

    def _edges(self) -> Floats:
        band = self._band()
        return super()._edges() if band is None else band.edges()

    def _pieces(self, weight: Callable[[Floats], Floats] | None = None) -> tuple[SmoothPieces | None, Floats]:
        pieces, errors = super()._pieces(weight)  # of the spline: a root may be off by more than one of them
        if pieces is not None and self._band() is not None:
            pieces.length[:] = self._domain.high - self._domain.low
        return pieces, errors

    def _slope_errors(self, us: Floats, errors: Floats) -> Floats:
        band = self._band()
        return super()._slope_errors(us, errors) if band is None else band.slope_error(us)

    # -- ask -------------------------------------------------------------------------------------------------------

    def ask(self, n: int, tell_pending: bool = True) -> tuple[list[SeedAndX], list[float]]:  # type: ignore[override]  # points are (seed, x) here
        """Choose n seeds of one x; see the top of the file for which.

        The improvement of each is, at a new x, that of `Learner1D` divided by n; at an old one with m samples
        ℓ/n·(1 - √(m/(m + n))) with the mean ℓ of the losses on both sides.
        """
        n = check_number_of_points(n)
        if n == 0:
            return [], []
        if self._shared is not None:
            return self._ask_shared(n, tell_pending)
        if self._goal is not None:
            return self._ask_for_error(n, tell_pending)
        x = self._old_x()
        if x is None:
            return self._ask_new(n, tell_pending)
        site = self._sites[x]
        seeds = site.seeds(n)
        m = len(site.samples)
        share = (1 - math.sqrt(m / (m + n))) / n
        if tell_pending:
            site.take(seeds)
        return [(seed, x) for seed in seeds], [self._loss_beside(x) * share] * n

    def _ask_shared(self, n: int, tell_pending: bool) -> tuple[list[SeedAndX], list[float]]:
        """Choose n samples at places of their own."""
        assert self._shared is not None
        if self._shared.stopped_because(self._sites):
            return [], []
        limits = self.min_samples, self.max_samples, self.min_error
        points, improvements = self._shared.choose(self._sites, n, limits, self.alpha)
        if tell_pending:
            for point in points:
                self.tell_pending(point)
        return points, improvements

    def _old_x(self) -> float | None:
        """Return the x to be sampled again; None if a new one is wanted."""
        if self._undersampled:
            if len(self._undersampled) == 1:
                return next(iter(self._undersampled))
            return min(self._undersampled, key=self._samples_and_place)
        return None if len(self.data) < 2 else self._rescaled.largest_above(self.delta)

    def _samples_and_place(self, x: float) -> tuple[int, float]:
        site = self._sites[x]
        return len(site.samples) + len(site.pending), x

    def _ask_new(self, n: int, tell_pending: bool) -> tuple[list[SeedAndX], list[float]]:
        us, improvements = self._intervals.propose(1)
        if not us:
            return [], []
        x = self._domain.x(us[0])
        site = self._sites.get(x) or Site()
        seeds = site.seeds(n)
        if tell_pending:
            self._sites[x] = site
            site.take(seeds)
            if not self._linear:
                self._points[us[0]] = x
        else:
            self._intervals.release(us)
        return [(seed, x) for seed in seeds], [improvements[0] / n] * n

    def _loss_beside(self, x: float) -> float:
        """Return the mean of the losses on both sides of an x; infinite if there is none on one side."""
        losses = self._intervals.losses_beside(self._domain.u(x)) if x in self.data else []
        return sum(losses) / 2 if len(losses) == 2 else math.inf

    # -- the error goal --------------------------------------------------------------------------------------------

    def claim(self) -> Claim | None:
        """Return what is claimed about the line through the means; see `Learner1D.claim`.

        ``resolution`` is the longest distance of two x: a narrower peak between them may have been missed. With
        ``mode="shared"`` it is at least the length of two pieces of the curve.
        """
        if self._shared is not None:
            return self._shared.claim(self._sites, self.alpha)
        if self._goal is None:
            return super().claim()
        return self._goal.claim(self._intervals, len(self.data), self._domain.x, resolution=True)

    def stopped_because(self) -> str:
        """Return why nothing more is asked for: an error goal, or `max_samples` at every possible x; empty if it is."""
        if self._shared is None:
            return super().stopped_because()
        why = self._shared.stopped_because(self._sites)
        if why or self.max_samples == sys.maxsize or self.ask(1, False)[0]:
            return why
        at = f"the error bar is {self.largest_error():.2g} with as many samples at every x as `max_samples` allows"
        return f"{at}, {self.max_samples}; allow more"

    def set_error_goal(
        self, error: float | None, fraction: float | None = None, confidence: float | None = None
    ) -> None:
        """Work towards an error of the line through the means, and check it; see `Learner1D.set_error_goal`.

        The error bars are part of the error; see the top of the file for the samples that are taken. With
        ``mode="shared"`` samples are placed as ever, by the error of the curve, and single samples cannot check a curve
        that is known better than the noise; the claim is an estimate.
        """
        if self._shared is not None:
            self._shared.to_an_error = error is not None
            return
        before = self._goal
        super().set_error_goal(error, fraction, confidence)
        if before is not None and self._goal is None:
            self._bars = None
            self._recompute_losses_factor = 1.0
            few = {x for x in self.data if len(self._sites[x].samples) < max(2, self.min_samples)}
            self._undersampled = {x for x in few if self._sites[x].u is not None}

    def _begin_goal(self, check: ErrorCheck) -> None:
        self._replace_intervals(ErrorLoss("linear", coarsest=LOOK), uneven=True)
        # means move with every sample, see `__init__`
        self._recompute_losses_factor = 1.0
        self._goal = ErrorGoal(check, self._domain, "linear", noise=False)
        enough = min(max(WELL, self.min_samples), self.max_samples)
        wanted = Wanted(check.error, self.alpha, enough, self.max_samples, self._domain.high - self._domain.low)
        self._bars = bars = ErrorBars(wanted, self._sites, self._names)
        self._goal.bars = bars.largest
        observed = {x: self._sites[x] for x in self._names.values()}
        self._undersampled = {x for x, site in observed.items() if len(site.samples) < bars.needed(site)}
        means = {site.u: site.mean if site.valid else None for x in self.data if (site := self._sites[x]).u is not None}
        self._retrace({}, means)

    def _sampled(self, u: float, x: float, site: Site) -> None:
        """Update what an error goal needs, after a sample."""
        if self._goal is None or self._bars is None:
            return
        changed = self._bars.sampled(u, x)
        self._goal.bars = self._bars.largest
        for z in changed:
            other = self._sites[z]
            if len(other.samples) < self._bars.needed(other):
                self._undersampled.add(z)
            else:
                self._undersampled.discard(z)
                if other.u is not None:
                    self._goal.record(other.u, other.mean if other.valid else None)
        self._goal.look(self._intervals, len(self.data), self._interpolant, self._intervals.lengths_beside(u))
        if why := self._bars.hopeless(x):
            self._goal.stop(why)

    def _ask_for_error(self, n: int, tell_pending: bool) -> tuple[list[SeedAndX], list[float]]:
        """Choose at most n samples, at one x after the other."""
        points: list[SeedAndX] = []
        improvements: list[float] = []
        begun: list[float] = []
        taken: list[tuple[Site, list[int], int]] = []
        held = set(self._intervals.pending)
        while len(points) < n:
            chosen = self._next_x(n - len(points))
            if chosen is None:
                break
            x, number, improvement = chosen
            if x not in self._sites:
                begun.append(x)
                self._sites[x] = Site()
            site = self._sites[x]
            seeds = site.seeds(number)
            taken.append((site, seeds, site.next_seed))
            site.take(seeds)
            points += [(seed, x) for seed in seeds]
            improvements += [improvement / number] * number
        if not tell_pending:
            for site, seeds, next_seed in reversed(taken):
                site.pending.difference_update(seeds)
                site.next_seed = next_seed
            for x in begun:
                del self._sites[x]
            new = set(self._intervals.pending) - held
            self._intervals.release(sorted(new))
            for u in new:
                self._points.pop(u, None)
        return points, improvements

    def _next_x(self, most: int) -> tuple[float, int, float] | None:
        """Return where to sample next, how often (at most `most`), and the improvement; a new x becomes pending."""
        goal = self._goal
        if goal is None or goal.stopped:
            return None
        begun = list(map(self._naming(), self._intervals.pending)) if self._intervals.pending else []
        lacking = [(x, lack) for x in (*self._undersampled, *begun) if (lack := self._lack(x)) > 0]
        if lacking:
            x, lack = min(lacking, key=lambda one: self._samples_and_place(one[0]))
            return x, min(lack, most), self._loss_beside(x)
        wanted = goal.wanted(self._intervals, len(self.data))
        if wanted is not None:
            if not wanted:
                return None
            self._intervals.hold(wanted[0])
            return self._new_x(wanted[0], most, math.inf)
        zigzag = self._zigzag()
        if zigzag is not None:
            site = self._sites[zigzag]
            return zigzag, min(most, max(1, len(site.samples) // 4)), self._loss_beside(zigzag)
        us, improvements = self._intervals.propose(1)
        return self._new_x(us[0], most, improvements[0]) if us else None

    def _new_x(self, u: float, most: int, improvement: float) -> tuple[float, int, float]:
        x = self._domain.x(u)
        if not self._linear:
            self._points[u] = x
        site = self._sites.get(x) or Site()
        site.u = u
        return x, min(most, self._needed(site)), improvement

    def _needed(self, site: Site) -> int:
        assert self._bars is not None
        return self._bars.needed(site)

    def _lack(self, x: float) -> int:
        """Return how many samples are to be asked for at an x, beside the pending ones."""
        site = self._sites.get(x)
        if site is None:
            return 0
        if site.u is None:
            site.u = self._coordinate(x)
        return self._needed(site) - len(site.samples) - len(site.pending) - len(site.failed)

    def _zigzag(self) -> float | None:
        """Return the x that gets more samples instead of a new x beside it; None if the line really bends there."""
        worst = self._intervals.worst()
        if worst is None or ErrorLoss.is_unknown(worst[3]) or self._bars is None:
            return None
        estimate = worst[3] * self._intervals.scale.y_scale
        around = [*self._intervals.around(worst[1])[1:3], worst[1], worst[2]]
        known = {self._names[u] for u in around if u is not None}
        bar, x = max((self._bars.bars.get(x, 0.0), x) for x in known)
        site = self._sites[x]
        if estimate >= ZIGZAG * bar or len(site.samples) >= self.max_samples:
            return None
        return x if 4 * len(site.pending) <= len(site.samples) else None

    def tell_pending(self, x: Any) -> None:
        """Make the point (seed, x) pending; no effect on an observed one, or out of bounds."""
        seed, place = seed_and_x(x)
        u = self._coordinate(place)
        site = self._sites.get(place)
        if u is None or (site is not None and (seed in site.samples or seed in site.failed)):
            return
        if site is None:
            site = self._sites[place] = Site()
        site.pending.add(seed)
        if place not in self.data and not self._intervals.is_pending(u):
            self._intervals.hold(u)
            if not self._linear:
                self._points[u] = place

    def tell_failed(self, x: Any) -> None:
        """Record the point (seed, x) as failed for good; a value told later undoes this."""
        seed, place = seed_and_x(x)
        site = self._sites.get(place)
        u = self._coordinate(place)
        if u is None or (site is not None and seed in site.samples):
            return
        if site is None:
            site = self._sites[place] = Site()
        site.pending.discard(seed)
        site.failed.add(seed)
        self._forget_lost(place, site)

    def _forget_lost(self, x: float, site: Site) -> None:
        """Allow an x to be asked for again if it has neither a sample nor a pending one."""
        u = self._coordinate(x)
        if not site.samples and not site.pending and u is not None and self._intervals.is_pending(u):
            self._intervals.release([u])
            self._points.pop(u, None)

    def remove_unfinished(self) -> None:
        """Forget the pending points: they may be asked for again."""
        self._intervals.release_all()
        self._points.clear()
        for x, site in list(self._sites.items()):
            if site.pending:
                site.pending.clear()
                site.next_seed = 0
            if not site.samples and not site.failed:
                del self._sites[x]

    # -- tell ------------------------------------------------------------------------------------------------------

    def tell(self, x: Any, y: Any) -> None:
        """Take in the sample `y` at the point ``(seed, x)``; no effect if that is observed already.

        An x outside the bounds is kept in `data` and otherwise not used. TypeError if `y` is no number.
        """
        seed, place = seed_and_x(x)
        value = y if type(y) is float else float(real_number(y, x))
        site = self._sites.get(place)
        if site is None or not site.samples:
            self._add(place, {seed: value})
        elif seed not in site.samples:
            site.add(seed, value)
            self._moved(place, site, (value,))

    def tell_many(self, xs: Iterable[Any], ys: Iterable[Any], *, force: bool = False) -> None:
        """Take in many samples, grouped by x.

        Parameters
        ----------
        xs, ys : iterable
            Points (seed, x) and their values; both may be lazy.
        force : bool
            Ignored.

        Raises
        ------
        ValueError
            An x is out of bounds, or there are more values than points or fewer; none is taken in then.
        """
        points, values = [seed_and_x(point) for point in xs], list(ys)
        if len(points) != len(values):
            raise ValueError(f"as many values as points are expected, but {len(points)} points and {len(values)} came.")
        grouped: dict[float, dict[int, float]] = {}
        for (seed, x), y in zip(points, values, strict=True):
            self._check_bounds(x)
            grouped.setdefault(x, {}).setdefault(seed, float(real_number(y, (seed, x))))
        for x, samples in grouped.items():
            self._add(x, samples)

    def tell_many_at_point(self, x: float, seed_y_mapping: Mapping[int, float]) -> None:
        """Take in samples at one x, seed -> value; seeds that are observed already are ignored."""
        self._check_bounds(x)
        self._add(x, {seed: float(real_number(y, (seed, x))) for seed, y in seed_y_mapping.items()})

    def _check_bounds(self, x: float) -> None:
        if self._coordinate(x) is None:
            raise ValueError(f"x value out of bounds, it should be within {self.bounds}, but is {x!r}.")

    def _add(self, x: float, samples: Mapping[int, float]) -> None:
        """Take in samples at one x; those observed already are ignored."""
        site = self._sites.get(x)
        if site is None:
            site = self._sites[x] = Site()
        new = {seed: y for seed, y in samples.items() if seed not in site.samples}
        if not new:
            return
        for seed, y in new.items():
            site.add(seed, y)
        if x in self.data:
            self._moved(x, site, tuple(new.values()))
            return
        self.data[x] = site.mean
        u = site.u = self._coordinate(x)
        if u is None:
            return
        self._points.pop(u, None)
        self._names[u] = x
        if self._goal is not None:
            self._goal.expect(u, len(self.data) - 1, self._line_before)
        self._undersampled.add(x)
        self._rescaled.values[x] = math.inf
        self._intervals.insert(u, site.mean if site.valid else None)
        self._moved(x, site, tuple(new.values()))

    def _moved(self, x: float, site: Site, samples: tuple[float, ...]) -> None:
        """Update what depends on the mean of an observed x, after new samples."""
        self.data[x] = site.mean
        self._curve = None
        u = site.u
        if u is None:
            return
        if len(site.samples) > 1:
            self._intervals.revalue(u, site.mean if site.valid else None, samples)
        around = [None if v is None else self._names[v] for v in self._intervals.around(u)]
        m = len(site.samples)
        if self._goal is None and x in self._undersampled:
            counts = [len(self._sites[z].samples) for z in around[1:3] if z is not None]
            enough = self.neighbor_sampling * (sum(counts) / len(counts)) if counts else 0.0
            if (m >= 2 and m >= self.min_samples and m > enough) or m >= self.max_samples:
                self._undersampled.discard(x)
        hopeless = not site.valid and x not in self._undersampled
        if m >= self.max_samples or hopeless or site.error(self.alpha) <= self.min_error:
            self._rescaled.values.pop(x, None)
        self._rescaled.update(x, around, self.alpha)
        self._sampled(u, x, site)

    def _line_before(self) -> Curve | AutoCurve | None:
        """Return the line through the means of the intervals, without the x that is about to become part of them."""
        return self._curve_of(dict(zip(*self._intervals.known(), strict=True)))

    # -- data ------------------------------------------------------------------------------------------------------

    def new(self) -> Self:
        """Return a learner of the same function and parameters, without data."""
        own = {name: getattr(self, name) for name in _OWN}
        domain = {name: self._parameters[name] for name in ("x_scale", "integer", "min_spacing")}
        loss = self.loss_per_interval if self._shared is None else None
        return type(self)(self.function, self.bounds, loss, **own, **domain, mode=self.mode)

    def to_numpy(self, mean: bool = False) -> Floats:
        """Return all samples, or the means, as an array; empty without data.

        Parameters
        ----------
        mean : bool
            True: rows (x, mean), ascending in x. False: rows (seed, x, y), ascending in x, then seed.
        """
        if mean:
            return super().to_numpy()
        rows = [(seed, x, y) for x in sorted(self.data) for seed, y in sorted(self._sites[x].samples.items())]
        return np.array(rows, dtype=float)

    def _get_data(self) -> dict[float, dict[int, float]]:
        return self.samples

    def _set_data(self, data: Mapping[float, Mapping[int, float]]) -> None:
        for x, samples in data.items():
            self._add(x, {int(seed): float(real_number(y, (seed, x))) for seed, y in samples.items()})
        # a new x is asked for when no other is undersampled: all but the last had enough samples for their neighbours,
        # which have more now
        for x in list(data)[:-1]:
            if len(self._sites[x].samples) >= max(2, self.min_samples):
                self._undersampled.discard(x)

    def plot(self) -> Any:  # type: ignore[override]  # means have error bars: there is nothing to choose
        """Return a HoloViews overlay: means, error bars, a line, and an open diamond where a single sample has no bar.

        See `adaptive_calib.view.learner1D.plot_average`.
        """
        return _familiar_methods.view("learner1D").plot_average(self)


_OWN = ("delta", "alpha", "neighbor_sampling", "min_samples", "max_samples", "min_error")


def _descending(values: Mapping[float, float]) -> dict[float, float]:
    return dict(sorted(values.items(), key=lambda item: (-item[1], item[0])))
