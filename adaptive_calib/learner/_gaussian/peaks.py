"""The Gaussian process of values with noise: a mean that is unknown, peaks, and noise that differs from place to place.

A process with one length everywhere takes a narrow peak in noise for noise, or shrinks it. A peak at a place c of width
w is b(u) = exp(-|u - c|²/w²). Under a model with covariance K of the values, z = bᵀK⁻¹y/√(bᵀK⁻¹b) is standard normal if
there is none. Peaks are looked for at `CENTRES` places spread over the domain, and at those of the values, of all
widths in which there are some values. The one of the largest |z|, if that is above `EVIDENCE`, becomes a term of the
mean with a wide prior, that is, of the kernel; then the next is looked for. Kernel and noise are then fitted to the
rest, and the model with peaks counts if its likelihood is the larger.

If a process of short lengths has hardly less likelihood, the values do not say whether the mean is smooth: then the
smooth one is the mean, and its error is at least the distance to the other and the deviation of that.

A peak of amplitude (EVIDENCE + 1)·σ/√(Σb²) is found in five of six cases: noise of deviation σ hides smaller ones, see
`hidden`.

Sources: Rasmussen & Williams, Gaussian Processes for Machine Learning (2006), section 2.7 (explicit basis functions);
Mallat & Zhang, IEEE Trans. Signal Process. 41 (1993) 3397 (one after the other).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.linalg import cho_solve, cholesky, solve_triangular
from scipy.spatial.distance import cdist
from scipy.stats import qmc

from adaptive_calib._arrays import Floats
from adaptive_calib._blas import one_thread
from adaptive_calib.learner._gaussian.level import uneven
from adaptive_calib.learner._gaussian.process import LENGTHS, MOST_FITTED, Model, Process, search, standardised

__all__ = ["WithPeaks", "fitted_in_noise", "hidden"]

#: |z| above which there is a peak: by chance one fit in 11 to 25 has a larger one (100 to 300 values, two and four
#: dimensions), and then a wider error bar at one place, unless the likelihood is less.
EVIDENCE = 3.7
#: Widths, and the number of values within that a peak needs (the sum of b²).
WIDTHS, FEWEST = (0.05, 0.08, 0.12, 0.18, 0.27, 0.4), 2.0
#: Places that are looked at beside those of the values; peaks at the most.
CENTRES, MOST_PEAKS = 256, 8
#: Shortest length of the process to which peaks are added.
LONG = 0.25
#: Lengths of the rougher process, and by how much less its likelihood may be.
SHORT, PLAUSIBLE = (0.05, 0.15), 3.0
#: Prior variances of an amplitude and of the mean, in units of the variance of the values.
PRIOR, MEAN = 10.0, 1.0
#: Standard deviation of place and width of a peak, in widths.
MOVED = 1 / 3
#: Width of the peaks that an estimated error has to take into account, in the plane; above, of equal volume.
WIDE = 0.25


@dataclass(frozen=True)
class WithPeaks:
    """The kernel of a process with an unknown mean and peaks of unknown amplitude.

    Attributes
    ----------
    base
        Kernel of scikit-learn.
    centres, widths : array, shapes (k, N) and (k,)
    """

    base: Any
    centres: Floats
    widths: Floats

    def peaks(self, u: Floats) -> Floats:
        """Return the terms of the peaks at places, shape (m, k (N + 2)), each times the deviation of its prior.

        A peak, and its derivatives by place and width: these stand for peaks that are `MOVED` widths away, or as much
        wider or narrower.
        """
        b = _peaks(u, self.centres, self.widths)
        away = (u[:, None, :] - self.centres) / self.widths[:, None]
        shifted = 2 * MOVED * away * b[:, :, None]
        wider = 2 * MOVED * (away**2).sum(axis=2) * b
        terms: Floats = math.sqrt(PRIOR) * np.hstack([b, wider, shifted.reshape(len(u), -1)])
        return terms

    def __call__(self, u: Floats, others: Floats | None = None) -> Floats:
        """Return the covariance of places, as a kernel of scikit-learn does."""
        ours = self.peaks(u)
        covariance: Floats = self.base(u, others) + ours @ (ours if others is None else self.peaks(others)).T
        return covariance + MEAN

    def places(self) -> Floats:
        """Return where the peaks are least certain: middles and flanks, shape (k (2 N + 1), N)."""
        flanks = 0.7 * np.vstack(
            [np.zeros((1, self.centres.shape[1])), *(np.eye(self.centres.shape[1]) * d for d in (1, -1))]
        )
        places: Floats = (self.centres[:, None, :] + flanks * self.widths[:, None, None]).reshape(-1, flanks.shape[1])
        return np.clip(places, 0.0, 1.0)

    def diag(self, u: Floats) -> Floats:
        """Return the variance at places."""
        variance: Floats = self.base.diag(u) + (self.peaks(u) ** 2).sum(axis=1) + MEAN
        return variance


def _peaks(u: Floats, centres: Floats, widths: Floats) -> Floats:
    peaks: Floats = np.exp(-((cdist(u, centres) / widths) ** 2))
    return peaks


def _factor(model: Model, u: Floats) -> Floats:
    factor: Floats = cholesky(model.kernel(u) + np.diag(model.noise_at(u)), lower=True)
    return factor


def _evidence(model: Model, u: Floats, y: Floats, centres: Floats) -> Floats:
    """Return |z|, the largest of a component, of peaks of each width at each centre; 0 where there are few values."""
    factor = _factor(model, u)
    white = solve_triangular(factor, y, lower=True)
    found = []
    for width in WIDTHS:
        peaks = _peaks(u, centres, np.full(len(centres), width))
        rows = solve_triangular(factor, peaks, lower=True)
        z = np.abs(rows.T @ white).max(axis=1) / np.maximum(np.sqrt((rows**2).sum(axis=0)), 1e-12)
        found.append(np.where((peaks**2).sum(axis=0) >= FEWEST, z, 0.0))
    return np.array(found)


@one_thread
def fitted_in_noise(u: Floats, values: Floats) -> Model:
    """Return the model of values with noise, with peaks if they show; it depends on nothing else.

    Parameters
    ----------
    u : array, shape (n, N)
    values : array, shape (n, M)
    """
    y, shift, scale = standardised(values)
    some, ndim = u[:MOST_FITTED], u.shape[1]
    plain = search(some, y[:MOST_FITTED], True)
    nu, lengths = plain.kernel.k2.nu, plain.kernel.k2.length_scale
    smooth = plain if np.min(lengths) >= LONG else search(some, y[:MOST_FITTED], True, (nu,), (LONG, LENGTHS[1]))
    centres = np.vstack([u, _even(ndim)])
    plain, smooth = _with_peaks(plain, [], ndim), _with_peaks(smooth, [], ndim)
    model, chosen = smooth, list[tuple[Floats, float]]()
    while len(chosen) < MOST_PEAKS:
        tried = _evidence(model, u, y, centres)
        which, place = np.unravel_index(np.argmax(tried), tried.shape)
        if tried[which, place] <= EVIDENCE:
            break
        chosen.append((centres[place], WIDTHS[which]))
        model = _with_peaks(smooth, chosen, ndim)
    if chosen:  # kernel and noise of what the peaks do not explain
        peaks = model.kernel.peaks(u)
        rest = y - peaks @ (peaks.T @ cho_solve((_factor(model, u), True), y))
        model = _with_peaks(search(some, rest[:MOST_FITTED], True, (nu,)), chosen, ndim)
        if _likelihood(model, u, y) > _likelihood(plain, u, y):
            plain = model
    plain = replace(plain, level=uneven(u, Process(plain, u, y).missed))
    if np.min(plain.kernel.base.k2.length_scale) > SHORT[1]:
        # with the same peaks, so that only what varies everywhere differs
        short = search(some, y[:MOST_FITTED], True, (nu,), SHORT)
        short = replace(short, kernel=replace(plain.kernel, base=short.kernel), level=plain.level)
        if _likelihood(short, u, y) > _likelihood(plain, u, y) - PLAUSIBLE:
            plain = replace(plain, rougher=replace(short, shift=shift, scale=scale))
    return replace(plain, shift=shift, scale=scale)


def _even(ndim: int) -> Floats:
    places: Floats = qmc.Sobol(ndim, rng=np.random.default_rng(ndim)).random(CENTRES)
    return places


def _with_peaks(base: Model, chosen: list[tuple[Floats, float]], ndim: int) -> Model:
    """Return a model with these peaks instead of those that it has."""
    kernel = base.kernel.base if isinstance(base.kernel, WithPeaks) else base.kernel
    centres = np.array([centre for centre, _ in chosen]).reshape(len(chosen), ndim)
    return replace(base, kernel=WithPeaks(kernel, centres, np.array([width for _, width in chosen])))


def _likelihood(model: Model, u: Floats, y: Floats) -> float:
    factor = _factor(model, u)
    rest = solve_triangular(factor, y, lower=True)
    logarithm = np.log(np.diag(factor)).sum() + len(u) / 2 * math.log(2 * math.pi)
    return -float((rest**2).sum() / 2 + y.shape[1] * logarithm)


def hidden(model: Model, u: Floats, error: float = math.nan) -> tuple[float, float]:
    """Return what noise hides: the amplitude of peaks of width `WIDE`, and the width of those of an amplitude.

    Parameters
    ----------
    model : Model
    u : array, shape (n, N)
        Places of the values.
    error : float
        The amplitude, in units of the values.

    Returns
    -------
    amplitude : float
        In units of the values.
    width : float
        As a share of the domain.
    """
    deviation = (EVIDENCE + 1) * math.sqrt(model.noise) * float(model.scale.max())
    # the volume of b² is (π/2)^(N/2) w^N
    ndim, volume = u.shape[1], math.pi / 2 * WIDE**2
    width = volume ** (1 / ndim) / math.sqrt(math.pi / 2)
    values = float(np.median((_peaks(u, _even(ndim), np.full(CENTRES, width)) ** 2).sum(axis=0)))
    narrow = width * ((deviation / error) ** 2 / values) ** (1 / ndim)
    return deviation / math.sqrt(values), narrow
