"""The hierarchical beta process: the law of a model's uncertain quantile function, solved once and sampled many times.

On the grid Φ_i = i/2^res (the tree of `adaptive_calib.emd.tree`), with q* the mixed PPF, δ = |q* − q~| and the
sensitivity c, each node i with parents i − D and i + D has

    up = q*[i] − q*[i−D],   dn = q*[i+D] − q*[i],   λ = ln(up/dn),   v = 2 c δ[i]²

and a factor x ~ Beta(α, β) whose logit has mean λ and variance v (`adaptive_calib.emd.beta`); factors are independent.
The ends are q[0] ~ N(q*(0), c δ(0)²) and q[−1] ~ N(q*(1), c δ(1)²), given q[0] < q[−1]. The expected risk of a path is
its integral by Simpson's rule, R = q[0] + (q[−1] − q[0]) Y with Y independent of the ends.

(α, β) depend on q*, δ and c but never on the path: all nodes of all models and all c are one batch, solved once and
kept in a frozen `PathLaw`. What is left to chance is drawn from it.

Limits, without a threshold anywhere: up = 0 < dn gives x = 0 and dn = 0 < up gives x = 1, exactly; up = dn = 0 gives
λ = 0, the symmetric choice, felt only where q* is flat on both sides of a node that still has width; v → 0 (δ = 0 or
c = 0) gives x = r/(1+r), so that R → the integral of q*; v → ∞ gives x ∈ {0, 1} with P(1) → 1/2 + λ/(2√(2v)).

Source: René & Longtin, *Selecting fitted models under epistemic uncertainty using a stochastic process on quantile
functions*, Nature Communications 2025.
"""

from __future__ import annotations

import logging
import operator
from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any, SupportsIndex

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr, ndtri

from adaptive_calib._arrays import Floats
from adaptive_calib.emd.beta import LOG_RATIO_MAX, V_MAX, V_MIN, solve_beta
from adaptive_calib.emd.quantiles import check_increasing
from adaptive_calib.emd.tree import Tree, simpson_weights, tree_of

__all__ = ["PathLaw", "draw_ends", "log_ratios", "path_batch"]

logger = logging.getLogger(__name__)


#: ln α and ln β are capped here before exp: beyond, x is 0, 1 or constant to rounding.
LOG_SHAPE_MAX = 690.0
#: Factors drawn at a time: half a MB, so that they are still in the cache when they are integrated. From 1 MB on a
#: fresh process gives the memory back and faults it in again for each batch, which made 1,024 paths 20 % slower. The
#: batches share one stream row by row, so this does not change what is drawn.
BATCH_ELEMENTS = 2**16
#: Smallest uniform number used: ndtri(0) would be -inf.
UNIFORM_MIN = 2.0**-54


@dataclass(frozen=True, eq=False)
class PathLaw:
    """The solved law of quantile paths: of one model at one c, or a batch of models, of c, or both.

    Make it with `PathLaw.solve`. A batch has ``shape`` (models..., n_c); ``law[k]`` and iteration go through its first
    axis, ``law[j, k]`` is the law of model j at the k-th c. Sampling is per single law (``shape == ()``). All arrays
    are read-only.

    Attributes
    ----------
    quantiles, deltas : arrays, shape (models..., points)
        q* and δ on the grid, points = 2**res + 1, in units of the loss.
    c : array, shape () or (n_c,)
        Sensitivity; multiplies the metric variance, unit 1/loss².
    log_ratio : array, shape (models..., nodes)
        λ of the interior points, −inf and +inf where q* is flat on one side.
    log_alpha, log_beta : arrays, shape (models..., n_c..., nodes)
        Logarithms of the beta parameters of the interior points.

    Examples
    --------
    >>> import numpy as np
    >>> from adaptive_calib.emd import PathLaw
    >>> law = PathLaw.solve(quantiles=[0.0, 1.0, 2.0, 4.0, 8.0], deltas=[0.1, 0.1, 0.2, 0.2, 0.5], c=[0.25, 1.0])
    >>> law.shape, law.points
    ((2,), 5)
    >>> paths = law[0].sample(3, np.random.default_rng(1))
    >>> paths.shape, bool((np.diff(paths) >= 0).all())
    ((3, 5), True)
    """

    quantiles: Floats
    deltas: Floats
    c: Floats
    log_ratio: Floats
    log_alpha: Floats
    log_beta: Floats

    def __post_init__(self) -> None:
        for field in fields(self):
            getattr(self, field.name).setflags(write=False)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), tuple(getattr(self, field.name) for field in fields(self))

    @classmethod
    def solve(cls, quantiles: ArrayLike, deltas: ArrayLike, c: ArrayLike) -> PathLaw:
        """Solve the law for all models and all c at once.

        Parameters
        ----------
        quantiles : array-like, shape (..., points)
            q* at points = 2**res + 1 equidistant Φ, both ends included; finite, non-decreasing along the last axis up
            to rounding; in units of the loss. Leading axes are models.
        deltas : array-like, the same shape
            δ ≥ 0, finite, in units of the loss.
        c : float or array-like, shape (n_c,)
            c ≥ 0, finite.

        Returns
        -------
        PathLaw
            Of shape (...) for a scalar c, else (..., n_c). Each entry is bit for bit what it would be alone.

        Raises
        ------
        ValueError
            If shapes do not match, values are NaN, infinite or negative, or quantiles decrease.
        """
        q, delta, c_values = _checked(quantiles, deltas, c)
        inner = slice(1, -1)
        lam = log_ratios(q)
        with np.errstate(over="ignore", under="ignore"):
            square = delta[..., inner] ** 2
            v = (2.0 * c_values)[..., None] * (square[..., None, :] if c_values.ndim else square)
        np.clip(v, V_MIN, V_MAX, out=v)
        clipped = np.clip(lam, -LOG_RATIO_MAX, LOG_RATIO_MAX)
        solution = solve_beta(clipped[..., None, :] if c_values.ndim else clipped, v)
        unsolved = np.count_nonzero(~solution.converged)
        if unsolved:
            logger.warning("%d of %d beta distributions were not solved to full precision", unsolved, v.size)
        return cls(q, delta, c_values, lam, solution.log_alpha, solution.log_beta)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the batch, (models..., n_c...); () for a single law."""
        return self.log_alpha.shape[:-1]

    @property
    def points(self) -> int:
        """Number of points of a path, 2**res + 1."""
        points: int = self.quantiles.shape[-1]
        return points

    @property
    def res(self) -> int:
        """Number of refinements."""
        return (self.points - 1).bit_length() - 1

    @property
    def phi(self) -> Floats:
        """The grid on [0, 1], shape (points,)."""
        return np.linspace(0.0, 1.0, self.points)

    @property
    def weights(self) -> Floats:
        """Simpson's weights, shape (points,): ``R = paths @ law.weights``."""
        return simpson_weights(self.res)

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("this PathLaw is a single law and has no length.")
        return len(self.log_alpha)

    def __getitem__(self, key: SupportsIndex | tuple[SupportsIndex, ...]) -> PathLaw:
        law = self
        for index in key if isinstance(key, tuple) else (key,):
            law = law._take(operator.index(index))
        return law

    def __iter__(self) -> Iterator[PathLaw]:
        return (self._take(index) for index in range(len(self)))

    def _take(self, index: int) -> PathLaw:
        if not self.shape:
            raise IndexError("this PathLaw is a single law: too many indices.")
        alpha, beta = self.log_alpha[index], self.log_beta[index]
        if self.quantiles.ndim > 1:
            return PathLaw(self.quantiles[index], self.deltas[index], self.c, self.log_ratio[index], alpha, beta)
        return PathLaw(self.quantiles, self.deltas, np.asarray(self.c[index]), self.log_ratio, alpha, beta)

    def sample(self, n: SupportsIndex, rng: np.random.Generator) -> Floats:
        """Draw `n` paths, shape (n, points), in units of the loss; non-decreasing along the last axis.

        With a generator in the same state, ``sample_risks(n, rng)`` are the integrals of the same paths.
        """
        n = path_batch(n, "n")
        first, width = self.sample_ends((n,), rng)
        return self._fill(first, first + width, rng)

    def sample_between(self, first: ArrayLike, last: ArrayLike, rng: np.random.Generator) -> Floats:
        """Draw a path for each pair of given ends, shape (n,) each; ValueError unless all first ≤ last."""
        q0, q1 = np.atleast_1d(np.asarray(first, np.float64)), np.atleast_1d(np.asarray(last, np.float64))
        if q0.shape != q1.shape or q0.ndim != 1:
            raise ValueError(f"`first` and `last` should have one shape (n,), but have {q0.shape} and {q1.shape}.")
        if not (q0 <= q1).all():
            raise ValueError(f"a path should begin below its end, but was to go from {q0} to {q1}; swap them.")
        return self._fill(q0, q1, rng)

    def sample_risks(self, n: SupportsIndex, rng: np.random.Generator) -> Floats:
        """Draw `n` expected risks R, shape (n,), in units of the loss."""
        n = path_batch(n, "n")
        first, width = self.sample_ends((n,), rng)
        width *= self.sample_normalised(n, rng)
        width += first
        return width

    def sample_normalised(self, n: SupportsIndex, rng: np.random.Generator) -> Floats:
        """Draw `n` copies of Y, shape (n,), in [0, 1]: the integral of a path scaled to go from 0 to 1.

        Drawing 32 and then 96 from one generator gives the same 128 as drawing them at once.
        """
        n = path_batch(n, "n")
        draw = _Factors(self)
        risks = np.empty(n)
        for start in range(0, n, draw.batch):
            stop = min(start + draw.batch, n)
            risks[start:stop] = draw.tree.integrate(draw(stop - start, rng))
        return risks

    def sample_ends(self, shape: tuple[int, ...], rng: np.random.Generator) -> tuple[Floats, Floats]:
        """Draw pairs of ends: arrays q[0] and q[−1] − q[0] ≥ 0 of that shape; see `draw_ends`."""
        _refuse_batch(self)
        sd = np.sqrt(self.c)
        return draw_ends(self.quantiles[0], self.quantiles[-1], sd * self.deltas[0], sd * self.deltas[-1], shape, rng)

    def _fill(self, first: Floats, last: Floats, rng: np.random.Generator) -> Floats:
        draw = _Factors(self)
        paths = np.empty((first.size, self.points))
        for start in range(0, first.size, draw.batch):
            part = slice(start, min(start + draw.batch, first.size))
            paths[part] = draw.tree.fill(draw(part.stop - start, rng), first[part], last[part])
        return paths


class _Factors:
    """Draws the factors x of one law, in draw order, shape (nodes, n)."""

    def __init__(self, law: PathLaw) -> None:
        _refuse_batch(law)
        self.tree: Tree = tree_of(law.res)
        order = self.tree.order
        self._alpha = np.exp(np.minimum(law.log_alpha[order], LOG_SHAPE_MAX))
        self._beta = np.exp(np.minimum(law.log_beta[order], LOG_SHAPE_MAX))
        infinite = np.isinf(law.log_ratio)
        # the clip of λ alone would flip some of these where v is huge
        self._sure: tuple[tuple[NDArray[np.intp], float], ...] = ()
        if infinite.any():
            ratio = law.log_ratio[order]
            self._sure = ((np.flatnonzero(ratio == -np.inf), 0.0), (np.flatnonzero(ratio == np.inf), 1.0))
        self.batch = max(1, BATCH_ELEMENTS // self.tree.nodes)

    def __call__(self, n: int, rng: np.random.Generator) -> Floats:
        # row by row, so that a batch drawn in two parts is the same as one; then turned, so that work along the tree
        # runs over contiguous memory
        x = np.ascontiguousarray(rng.beta(self._alpha, self._beta, size=(n, self.tree.nodes)).T)
        for rows, value in self._sure:
            x[rows] = value
        return x


def draw_ends(
    mean_first: float,
    mean_last: float,
    sd_first: float,
    sd_last: float,
    shape: tuple[int, ...],
    rng: np.random.Generator,
) -> tuple[Floats, Floats]:
    """Draw two normal ends given first < last, exactly and without rejection.

    The width d = last − first is N(m, s²) truncated to d > 0, with m = mean_last − mean_first ≥ 0 and
    s² = sd_first² + sd_last²; it is drawn by inversion. Given d, the first end is normal with a mean linear in d.

    Parameters
    ----------
    mean_first, mean_last : float
        Means, mean_first ≤ mean_last, in units of the loss.
    sd_first, sd_last : float
        Standard deviations, ≥ 0. If both are 0 the ends are their means, equal or not.
    shape : tuple of int
        Shape of what is returned.
    rng
        Two uniform numbers are drawn for each pair, pair by pair.

    Returns
    -------
    first, width : arrays of that shape
        width ≥ 0.
    """
    m = max(float(mean_last) - float(mean_first), 0.0)
    s = float(np.hypot(sd_first, sd_last))
    uniform = rng.random((*shape, 2))
    np.maximum(uniform, UNIFORM_MIN, out=uniform)
    below, share, residual = 1.0, 0.0, 0.0
    if s > 0.0:
        below = float(ndtr(m / s))
        share = (float(sd_first) / s) ** 2
        residual = float(sd_first) * (float(sd_last) / s)
    uniform[..., 0] *= below
    normal = ndtri(uniform)
    width = normal[..., 0] * -s
    first = width * -share  # width is d - m here
    first += mean_first
    first += residual * normal[..., 1]
    width += m
    np.maximum(width, 0.0, out=width)
    return first, width


def log_ratios(quantiles: Floats) -> Floats:
    """Return λ = ln(up/dn) of the interior points, shape (..., nodes), from quantiles of shape (..., points).

    Increments below 0 by rounding count as 0. −inf where only dn > 0, +inf where only up > 0, 0 where both are 0.
    """
    point = np.arange(1, quantiles.shape[-1] - 1)
    distance = point & -point
    middle = quantiles[..., 1:-1]
    up = np.maximum(middle - quantiles[..., point - distance], 0.0)
    down = np.maximum(quantiles[..., point + distance] - middle, 0.0)
    up_is_zero, down_is_zero = up == 0.0, down == 0.0
    if not (up_is_zero.any() or down_is_zero.any()):
        return np.log(up) - np.log(down)
    log_ratio = np.log(np.where(up_is_zero, 1.0, up)) - np.log(np.where(down_is_zero, 1.0, down))
    log_ratio[up_is_zero] = -np.inf
    log_ratio[down_is_zero] = np.inf
    log_ratio[up_is_zero & down_is_zero] = 0.0
    return log_ratio


def path_batch(n: SupportsIndex, name: str) -> int:
    """Return a number of paths as an int; ValueError unless it is at least 1."""
    number = operator.index(n)
    if number < 1:
        raise ValueError(f"`{name}` should be at least 1 path, but is {number}.")
    return number


def _refuse_batch(law: PathLaw) -> None:
    """Raise ValueError unless `law` is a single law."""
    if law.shape:
        raise ValueError(
            f"sampling is per single law, but this PathLaw is a batch of shape {law.shape}; take one with "
            "law[k] or iterate over it."
        )


def _checked(quantiles: ArrayLike, deltas: ArrayLike, c: ArrayLike) -> tuple[Floats, Floats, Floats]:
    """Return private copies of the three arrays, or raise ValueError."""
    q, delta = np.array(quantiles, np.float64, order="C"), np.array(deltas, np.float64, order="C")
    c_values = np.array(c, np.float64)
    points = q.shape[-1] if q.ndim else 0
    if points < 3 or (points - 1) & (points - 2):
        raise ValueError(
            "`quantiles` should have shape (..., points) with points = 2**res + 1 and res >= 1, "
            f"but has shape {q.shape}; evaluate_ppfs makes them from two PPFs."
        )
    if delta.shape != q.shape:
        raise ValueError(
            f"`deltas` should have shape (..., points) = {q.shape} like `quantiles`, but has shape {delta.shape}."
        )
    if c_values.ndim > 1:
        raise ValueError(f"`c` should be a number or have shape (n_c,), but has shape {c_values.shape}.")
    if not (np.isfinite(c_values) & (c_values >= 0.0)).all():
        raise ValueError(f"`c` should be finite and at least 0, but is {c!r}; it multiplies a variance.")
    for name, values in (("quantiles", q), ("deltas", delta)):
        bad = np.count_nonzero(~np.isfinite(values))
        if bad:
            raise ValueError(
                f"`{name}` should be finite, but {bad} of {values.size} are NaN or infinite; quantile functions must "
                "be finite at Φ = 0 and Φ = 1, too."
            )
    if (delta < 0.0).any():
        raise ValueError(
            f"`deltas` should be at least 0, but the smallest is {delta.min():g}; give |q* − q~|, not the difference."
        )
    check_increasing(q)
    return q, delta, c_values
