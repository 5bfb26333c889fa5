"""From samples of a risk to its quantile function, and from quantile functions to the arrays that the process takes.

A quantile function (PPF) q(Φ) gives the loss below which a share Φ of the data points lies; its integral over [0, 1] is
the expected risk. The empirical one of L samples puts the sorted samples y_1 ≤ … ≤ y_L at Φ_k = k/(L+1), interpolates
linearly between them and *extrapolates* the first and the last segment to Φ = 0 and Φ = 1, without a clamp: q(0) and
q(1) may lie outside the range of the loss.

Each model has two of them: the *mixed* PPF q*, its loss on the observed data, and the *synthetic* PPF q~, the same loss
on data which the model itself simulated. Their distance δ(Φ) = |q*(Φ) − q~(Φ)| says how far the model is off.

Source: René & Longtin, Nature Communications 2025.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, SupportsIndex, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from adaptive_calib._arrays import Floats

__all__ = [
    "PPF",
    "EmpiricalQuantileFunction",
    "check_increasing",
    "checked_resolution",
    "evaluate_ppf",
    "evaluate_ppfs",
    "make_empirical_risk_ppf",
    "phi_grid",
]

#: A quantile function: an array of Φ in [0, 1] → an array of losses of the same shape, non-decreasing.
PPF: TypeAlias = Callable[[Floats], ArrayLike]


@dataclass(frozen=True, eq=False)
class EmpiricalQuantileFunction:
    """The quantile function of a finite sample.

    Attributes
    ----------
    samples : array, shape (L,), L ≥ 2
        The losses, finite, in any order; kept sorted and read-only, as float64.

    Raises
    ------
    ValueError
        If `samples` is not 1-d, has fewer than two elements, or holds NaN or infinities.

    Examples
    --------
    >>> from adaptive_calib.emd import EmpiricalQuantileFunction
    >>> ppf = EmpiricalQuantileFunction([1.0, 2.0, 4.0])
    >>> ppf([0.25, 0.5, 0.75]).tolist()
    [1.0, 2.0, 4.0]
    """

    samples: Floats

    def __post_init__(self) -> None:
        samples = np.asarray(self.samples)
        if samples.ndim != 1:
            raise ValueError(
                f"`risk_samples` should be 1-d, one loss a data point, but has shape {samples.shape}; "
                "flatten it if all entries are losses of one model."
            )
        if samples.size < 2:
            raise ValueError(
                f"`risk_samples` should have at least 2 elements, but has {samples.size}: a quantile function "
                "interpolates between samples; give the loss of every data point, not their mean."
            )
        if samples.dtype.kind not in "biuf":
            raise TypeError(f"`risk_samples` should be real numbers, but has dtype {samples.dtype}.")
        samples = np.sort(samples.astype(np.float64))
        bad = np.count_nonzero(~np.isfinite(samples))
        if bad:
            raise ValueError(
                f"`risk_samples` should be finite, but {bad} of {samples.size} elements are NaN or infinite; "
                "a loss must be finite at every data point: check where the model gives probability 0, or drop those."
            )
        samples.setflags(write=False)
        object.__setattr__(self, "samples", samples)

    def __call__(self, phi: ArrayLike) -> Floats:
        """Return q(Φ) for `phi` of any shape, in units of the loss."""
        samples = self.samples
        position = np.asarray(phi, np.float64) * (samples.size + 1) - 1.0
        left = np.clip(np.floor(position), 0, samples.size - 2).astype(np.intp)
        low = samples[left]
        return np.asarray(low + (position - left) * (samples[left + 1] - low))

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.samples,)

    def __repr__(self) -> str:
        first, last = self.samples[0], self.samples[-1]
        return f"EmpiricalQuantileFunction({self.samples.size} samples in [{first:g}, {last:g}])"


def make_empirical_risk_ppf(risk_samples: ArrayLike) -> EmpiricalQuantileFunction:
    """Return the quantile function of the losses `risk_samples`, one a data point, shape (L,), in any order.

    The result is callable, frozen and picklable. Refuses NaN, infinities, fewer than two samples and arrays that are
    not 1-d; see `EmpiricalQuantileFunction`.

    Examples
    --------
    >>> from adaptive_calib.emd import make_empirical_risk_ppf
    >>> ppf = make_empirical_risk_ppf([3.0, 1.0, 2.0])
    >>> ppf([0, 0.25, 0.5, 1]).tolist()
    [0.0, 1.0, 2.0, 4.0]
    """
    return EmpiricalQuantileFunction(np.asarray(risk_samples))


def checked_resolution(res: SupportsIndex) -> int:
    """Return the number of refinements `res` as an int; ValueError unless 1 ≤ res ≤ 24."""
    number = operator.index(res)
    if not 1 <= number <= 24:
        raise ValueError(
            f"`res` should be between 1 and 24 (the grid has 2**res + 1 points), but is {number}; 8 is converged."
        )
    return number


def phi_grid(res: SupportsIndex, start: float = 0.0, end: float = 1.0) -> Floats:
    """Return the 2**res + 1 equidistant points from `start` to `end`; ValueError unless 0 ≤ start < end ≤ 1.

    Examples
    --------
    >>> from adaptive_calib.emd import phi_grid
    >>> phi_grid(2).tolist()
    [0.0, 0.25, 0.5, 0.75, 1.0]
    """
    if not 0.0 <= start < end <= 1.0:
        raise ValueError(f"expected 0 <= Phistart < Phiend <= 1, but Phistart is {start} and Phiend is {end}.")
    return np.linspace(start, end, 2 ** checked_resolution(res) + 1)


def evaluate_ppf(ppf: PPF, phi: Floats, name: str = "the PPF", monotone: bool = True) -> Floats:
    """Evaluate a quantile function on the grid and check what came.

    Parameters
    ----------
    ppf
        Any callable array → array.
    phi : array, shape (points,)
        Increasing, within [0, 1].
    name
        What the errors call it.
    monotone
        Whether a decrease beyond rounding is refused.

    Returns
    -------
    array, shape (points,)

    Raises
    ------
    TypeError
        If `ppf` cannot be called.
    ValueError
        If the values have another shape, are not finite, or decrease.
    """
    if not callable(ppf):
        raise TypeError(
            f"{name} should be a function of Φ in [0, 1], but is of type {type(ppf).__name__}; "
            "make one from samples with make_empirical_risk_ppf."
        )
    values = np.array(ppf(phi), dtype=np.float64)
    if values.shape != phi.shape:
        raise ValueError(
            f"{name} should return one value for each Φ, shape {phi.shape}, but returned shape {values.shape}; "
            "it is called with an array."
        )
    finite = np.isfinite(values)
    if not finite.all():
        where = int(np.argmin(finite))
        raise ValueError(
            f"{name} should be finite on [0, 1], both ends included, but is {values[where]} at Φ = {phi[where]:g}; "
            "a distribution without bounds needs an empirical PPF, or one cut off at its ends."
        )
    if monotone:
        check_increasing(values, name)
    return values


def evaluate_ppfs(mixed_ppf: PPF, synth_ppf: PPF, res: SupportsIndex = 8, model: str = "") -> tuple[Floats, Floats]:
    """Evaluate the two quantile functions of a model on the grid of `res`.

    Parameters
    ----------
    mixed_ppf, synth_ppf : callable, array -> array
        Quantile functions of the loss on observed and on simulated data.
    res : int
        The grid has 2**res + 1 points.
    model : str
        Name of the model, for messages.

    Returns
    -------
    quantiles, deltas : arrays, shape (2**res + 1,)
        q* and δ = |q* − q~|, in units of the loss.

    Raises
    ------
    ValueError, TypeError
        As `evaluate_ppf`; `model` names the model in the text.

    Examples
    --------
    >>> from adaptive_calib.emd import evaluate_ppfs, make_empirical_risk_ppf
    >>> mixed, synthetic = make_empirical_risk_ppf([1.0, 2.0, 3.0]), make_empirical_risk_ppf([1.0, 2.5, 3.0])
    >>> quantiles, deltas = evaluate_ppfs(mixed, synthetic, res=2)
    >>> quantiles.tolist(), deltas.tolist()
    ([0.0, 1.0, 2.0, 3.0, 4.0], [0.5, 0.0, 0.5, 0.0, 0.5])
    """
    phi = phi_grid(res)
    suffix = f" of model {model}" if model else ""
    quantiles = evaluate_ppf(mixed_ppf, phi, "the mixed PPF" + suffix)
    synthetic = evaluate_ppf(synth_ppf, phi, "the synthetic PPF" + suffix)
    return quantiles, np.abs(quantiles - synthetic)


def check_increasing(quantiles: Floats, name: str = "`quantiles`") -> None:
    """Raise ValueError if `quantiles`, shape (..., points), decreases along its last axis by more than rounding.

    Rounding is 1e-12 of the range, or a few ulp of the largest value where that is more.
    """
    steps = np.diff(quantiles, axis=-1)
    if (steps >= 0.0).all():
        return
    scale = np.abs(quantiles).max(axis=-1)
    allowed = np.maximum(1e-12 * (quantiles[..., -1] - quantiles[..., 0]), 4.0 * np.finfo(np.float64).eps * scale)
    if (steps < -allowed[..., None]).any():
        where = np.unravel_index(np.argmin(steps), steps.shape)
        point = int(where[-1])
        raise ValueError(
            f"{name} should be non-decreasing in Φ, but decreases by {-steps[where]:g} from point {point} to point "
            f"{point + 1} of {quantiles.shape[-1]}; a quantile function of samples is made by make_empirical_risk_ppf, "
            "which sorts them."
        )
