"""emdcmp's names for sampling paths, over the laws of `adaptive_calib.emd.process`.

Differences from emdcmp 1.1.1: the limits of the beta distribution are the right ones, the same call draws anew instead
of being remembered, and progress bars are updated once a batch.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import SupportsIndex

import numpy as np
from numpy.typing import ArrayLike

from adaptive_calib._arrays import Floats
from adaptive_calib.emd.beta import LOG_RATIO_MAX, V_MAX, V_MIN, solve_beta
from adaptive_calib.emd.compare import RNGLike
from adaptive_calib.emd.process import LOG_SHAPE_MAX, PathLaw, path_batch
from adaptive_calib.emd.progress import Progress, ProgressTarget
from adaptive_calib.emd.quantiles import PPF, evaluate_ppf, phi_grid

__all__ = ["draw_from_beta", "generate_path_hierarchical_beta", "generate_quantile_paths"]


#: Paths drawn at a time by `generate_quantile_paths`.
BATCH = 128


def generate_quantile_paths(
    qstar: PPF,
    deltaEMD: PPF,
    c: float,
    M: SupportsIndex,
    res: SupportsIndex = 8,
    rng: RNGLike = None,
    *,
    Phistart: float = 0.0,
    Phiend: float = 1.0,
    progbar: ProgressTarget = "auto",
    previous_M: SupportsIndex = 0,
) -> Iterator[tuple[Floats, Floats]]:
    """Draw `M` quantile paths, one after the other.

    Parameters
    ----------
    qstar : callable
        Mixed PPF q*, array → array, in units of the loss.
    deltaEMD : callable
        δ itself, array → array, ≥ 0, unscaled, in units of the loss.
    c : float, ≥ 0
        Sensitivity.
    M : int, ≥ 1
        Number of paths.
    res : int, ≥ 1
        Paths have 2**res + 1 points.
    rng
        Anything for `numpy.random.default_rng`.
    Phistart, Phiend : float
        The grid goes from one to the other; 0 ≤ Phistart < Phiend ≤ 1.
    progbar
        None, ``"auto"`` (shows nothing), a tqdm bar or a queue; its total is M + previous_M.
    previous_M : int
        Paths drawn by earlier calls, for the total of `progbar`.

    Returns
    -------
    iterator of M pairs (phi, q), arrays of shape (2**res + 1,)
        phi is one read-only array for all; q does not decrease.

    Raises
    ------
    ValueError, TypeError
        At the call, before the first path, if an argument is out of its range or a function gives NaN, infinities or
        another shape.

    Examples
    --------
    >>> from adaptive_calib.emd import generate_quantile_paths
    >>> def deviation(phi):
    ...     return 0.1 + 0 * phi
    >>> paths = generate_quantile_paths(lambda phi: phi, deviation, c=1.0, M=3, res=3, rng=1, progbar=None)
    >>> [path.shape for phi, path in paths]
    [(9,), (9,), (9,)]
    """
    M = path_batch(M, "M")
    progress = Progress(progbar)
    phi, law = _law(qstar, deltaEMD, c, res, Phistart, Phiend)
    total = M + int(previous_M)
    generator = np.random.default_rng(rng)

    def paths() -> Iterator[tuple[Floats, Floats]]:
        progress.start(total)
        for drawn in range(0, M, BATCH):
            batch = law.sample(min(BATCH, M - drawn), generator)
            progress.advance(len(batch))
            for path in batch:
                yield phi, path

    return paths()


def generate_path_hierarchical_beta(
    qstar: PPF,
    deltaEMD: PPF,
    c: float,
    qstart: float,
    qend: float,
    res: SupportsIndex = 8,
    rng: RNGLike = None,
    *,
    Phistart: float = 0.0,
    Phiend: float = 1.0,
) -> tuple[Floats, Floats]:
    """Draw one path from `qstart` to `qend`; other arguments as `generate_quantile_paths`.

    Parameters
    ----------
    qstar, deltaEMD : callable, array -> array
        The quantile function q* and the deviation δ ≥ 0, on [0, 1].
    c : float
        Sensitivity, >= 0.
    qstart, qend : float
        The ends of the path, in increasing order.
    res : int
        The grid has 2**res + 1 points.
    rng
        A Generator, a seed, or None.
    Phistart, Phiend : float
        Ends of the grid in Φ.

    Returns
    -------
    phi, q : arrays, shape (2**res + 1,)
        ``q[0] == qstart``, ``q[-1] == qend``.

    Raises
    ------
    ValueError, TypeError
        If qstart > qend, or as `generate_quantile_paths`.

    Examples
    --------
    >>> from adaptive_calib.emd import generate_path_hierarchical_beta
    >>> phi, path = generate_path_hierarchical_beta(
    ...     lambda phi: phi, lambda phi: 0.1 + 0 * phi, c=1.0, qstart=0.0, qend=1.0, res=3, rng=1
    ... )
    >>> phi.shape, float(path[0]), float(path[-1])
    ((9,), 0.0, 1.0)
    """
    phi, law = _law(qstar, deltaEMD, c, res, Phistart, Phiend)
    paths = law.sample_between(qstart, qend, np.random.default_rng(rng))
    return phi, paths[0]


def draw_from_beta(r: ArrayLike, v: ArrayLike, rng: RNGLike = None, n_samples: SupportsIndex = 1) -> float | Floats:
    """Draw x ~ Beta(α, β) with ψ(α) − ψ(β) = ln r and ψ1(α) + ψ1(β) = v.

    Parameters
    ----------
    r : float or array-like
        Ratio of the increments up/dn, in [0, ∞]; 0 gives 0 and ∞ gives 1.
    v : float or array-like
        Twice the metric variance, ≥ 0; 0 gives r/(1+r). Broadcast against `r`.
    rng
        Anything for `numpy.random.default_rng`.
    n_samples : int, ≥ 1
        More than 1 adds a last axis.

    Returns
    -------
    float or array
        In [0, 1]; a float for scalars and one sample.

    Raises
    ------
    ValueError
        If r or v is NaN or negative.

    Examples
    --------
    >>> from adaptive_calib.emd import draw_from_beta
    >>> round(draw_from_beta(1.0, 0.0, rng=1), 9)  # no variance: the middle
    0.5
    >>> draws = draw_from_beta(1.0, 0.5, rng=1, n_samples=1000)
    >>> abs(float(draws.mean()) - 0.5) < 0.02
    True
    """
    n = path_batch(n_samples, "n_samples")
    ratio, var = np.broadcast_arrays(np.asarray(r, np.float64), np.asarray(v, np.float64))
    if not ((ratio >= 0.0) & (var >= 0.0)).all():
        raise ValueError(f"expected r >= 0 and v >= 0, without NaN, but r is {r!r} and v is {v!r}.")
    with np.errstate(divide="ignore"):
        log_ratio = np.clip(np.log(ratio), -LOG_RATIO_MAX, LOG_RATIO_MAX)
    solution = solve_beta(log_ratio, np.clip(var, V_MIN, V_MAX))
    alpha = np.exp(np.minimum(solution.log_alpha, LOG_SHAPE_MAX))
    beta = np.exp(np.minimum(solution.log_beta, LOG_SHAPE_MAX))
    x = np.asarray(np.random.default_rng(rng).beta(alpha[..., None], beta[..., None], size=(*ratio.shape, n)))
    x[ratio == 0.0] = 0.0
    x[ratio == np.inf] = 1.0
    if n == 1:
        x = x[..., 0]
    return x if x.ndim else float(x)


def _law(
    qstar: PPF, deltaEMD: PPF, c: float, res: SupportsIndex, Phistart: float, Phiend: float
) -> tuple[Floats, PathLaw]:
    phi = phi_grid(res, Phistart, Phiend)
    phi.setflags(write=False)
    quantiles = evaluate_ppf(qstar, phi, "`qstar`")
    deltas = evaluate_ppf(deltaEMD, phi, "`deltaEMD`", monotone=False)
    return phi, PathLaw.solve(quantiles, deltas, float(c))
