"""The EMD criterion: how sure it is that model A has the lower expected risk.

    Bemd(A, B; c) = P(R_A < R_B | c),     estimated by the share of all pairs (i, j) with R_A,i < R_B,j

Ties count 0, as in emdcmp: two equal constant risks give 0 both ways. Risks that differ by less than the rounding of
their computation, 10⁻¹² of the largest quantile, are tied. Pairs are counted with a sort and two searches.

**Resampling the ends.** R = q0 + (q1 − q0) Y with Y independent of the ends, and most of the spread of R comes from
the ends. So each of M copies of Y gets K pairs of ends, R[m, k]: each R keeps its law, the noise of Bemd falls to a
half or a sixth, and the costly part, Y, is not drawn more often.

**Standard error** (two-sample U statistic, clusters by Y): u[m] is the share of R_B above R_A[m, ·], t[m] the share of
R_A below R_B[m, ·], and se² = var(u)/M_A + var(t)/M_B. Where no pair or every pair wins it would be 0; it is then set
to 1/(2 min(M_A, M_B)).

**Stopping.** M grows for both models, M ← min(⌈M (se/tol)²⌉, 2M, max_M), until se ≤ tol; what was drawn is kept. It
does not change when a constant is added to all losses. (emdcmp stops by the relative error of the mean risk of each
model, which does; it is the rule of `draw_R_samples`, which knows one model only, and an option of `Bemd`.)

**Random streams.** Model A and B, paths and ends have a stream each, children of one SeedSequence: R_A does not depend
on how much B needed, and the same seed always gives the same number.

Source: René & Longtin, Nature Communications 2025; the estimator with resampled ends and its error are ours.
"""

from __future__ import annotations

import logging
import math
import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, SupportsIndex, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from adaptive_calib._arrays import Floats
from adaptive_calib.emd.process import PathLaw, path_batch
from adaptive_calib.emd.progress import Progress, ProgressTarget
from adaptive_calib.emd.quantiles import PPF, evaluate_ppfs

__all__ = [
    "Bemd",
    "BemdEstimate",
    "RNGLike",
    "bemd_curve",
    "compare_matrix",
    "compare_risks",
    "draw_R_samples",
    "seed_for_c",
]

logger = logging.getLogger(__name__)

#: Anything that `numpy.random.default_rng` takes.
RNGLike: TypeAlias = int | Sequence[int] | np.random.SeedSequence | np.random.BitGenerator | np.random.Generator | None

#: Risks closer than this share of the largest absolute quantile are tied: sums over a path of 2**res + 1 are rounded.
TIE = 1e-12

#: Means below this count as this in emdcmp's relative error.
MEAN_MIN = 1e-8


@dataclass(frozen=True, slots=True)
class BemdEstimate:
    """An estimate of P(R_A < R_B).

    Attributes
    ----------
    value : float
        wins / pairs, in [0, 1]; never clipped.
    stderr : float
        Monte-Carlo standard error of `value`, > 0; 1/2 if a model has a single Y, when nothing can be said.
    wins, pairs : int
        Pairs (i, j) with R_A,i < R_B,j, and all pairs.
    M_a, M_b : int
        Number of Y drawn for each model.

    Examples
    --------
    >>> from adaptive_calib.emd import BemdEstimate
    >>> estimate = BemdEstimate(value=1.0, stderr=0.015, wins=1024, pairs=1024, M_a=32, M_b=32)
    >>> estimate.smoothed < 1
    True
    """

    value: float
    stderr: float
    wins: int
    pairs: int
    M_a: int
    M_b: int

    @property
    def smoothed(self) -> float:
        """(wins + 1/2)/(pairs + 1), strictly inside (0, 1): for logarithms and logits."""
        return (self.wins + 0.5) / (self.pairs + 1.0)


class _Risks:
    """Risks of one law, drawn as they are needed: `values` has shape (M, K) and grows by rows."""

    def __init__(self, law: PathLaw, resample_ends: int, seeds: tuple[np.random.SeedSequence, ...]) -> None:
        self._law = law
        self._K = resample_ends
        self._paths, self._ends = (np.random.Generator(np.random.PCG64(seed)) for seed in seeds)
        self.values: Floats = np.empty((0, resample_ends))

    def __len__(self) -> int:
        return len(self.values)

    def extend(self, M: int) -> None:
        """Draw until there are `M` rows; the rows are the same in whatever steps they are drawn."""
        more = M - len(self)
        if more <= 0:
            return
        first, width = self._law.sample_ends((more, self._K), self._ends)
        width *= self._law.sample_normalised(more, self._paths)[:, None]
        width += first
        self.values = np.concatenate([self.values, width])


def compare_risks(
    law_a: PathLaw,
    law_b: PathLaw,
    *,
    seed: np.random.SeedSequence,
    M: SupportsIndex = 32,
    max_M: SupportsIndex = 1024,
    resample_ends: SupportsIndex = 32,
    stderr_tol: float = 0.01,
) -> BemdEstimate:
    """Estimate Bemd = P(R_A < R_B) from the laws of two models.

    Parameters
    ----------
    law_a, law_b : PathLaw
        Single laws (``shape == ()``); their resolutions may differ.
    seed : SeedSequence
        Fixes the result. It is not changed: the streams are its children 0 … 3, made afresh in each call.
    M, max_M : int, ≥ 1
        Copies of Y at the start and at most, for each model. Fewer than M are never drawn.
    resample_ends : int, ≥ 1
        K, pairs of ends for each Y.
    stderr_tol : float, > 0
        M grows while the standard error is above it.

    Returns
    -------
    BemdEstimate

    Raises
    ------
    ValueError
        If a law is a batch, or a number is out of its range.

    Examples
    --------
    >>> import numpy as np
    >>> from adaptive_calib.emd import PathLaw, compare_risks
    >>> a = PathLaw.solve([0.0, 1.0, 2.0, 3.0, 4.0], [0.2] * 5, c=1.0)
    >>> b = PathLaw.solve([0.1, 1.1, 2.1, 3.1, 4.1], [0.2] * 5, c=1.0)
    >>> estimate = compare_risks(a, b, seed=np.random.SeedSequence(1), stderr_tol=0.02)
    >>> 0.5 < estimate.value < 1, estimate.stderr <= 0.02
    (True, True)
    """
    M, max_M, K = path_batch(M, "M"), path_batch(max_M, "max_M"), path_batch(resample_ends, "resample_ends")
    if not stderr_tol > 0.0:
        raise ValueError(f"`stderr_tol` should be above 0, but is {stderr_tol}; inf draws M and no more.")
    streams, tie = _children(seed), _tie(law_a, law_b)
    risks_a, risks_b = _Risks(law_a, K, streams[:2]), _Risks(law_b, K, streams[2:])
    while True:
        risks_a.extend(M)
        risks_b.extend(M)
        estimate = _estimate(risks_a.values, risks_b.values, tie)
        if estimate.stderr <= stderr_tol or max_M <= M:
            return estimate
        M = min(math.ceil(min(M * (estimate.stderr / stderr_tol) ** 2, 2 * M)), max_M)


def bemd_curve(
    quantiles_a: ArrayLike,
    deltas_a: ArrayLike,
    quantiles_b: ArrayLike,
    deltas_b: ArrayLike,
    c: ArrayLike,
    seeds: Sequence[np.random.SeedSequence],
    **options: Any,
) -> tuple[Floats, Floats]:
    """Estimate Bemd at many c.

    Parameters
    ----------
    quantiles_a, deltas_a, quantiles_b, deltas_b : array-like, shape (points,)
        q* and δ of the two models, as for `PathLaw.solve`.
    c : array-like, shape (n_c,)
        Sensitivities.
    seeds : sequence of n_c SeedSequence
        One for each c; see `seed_for_c`.
    **options
        `M`, `max_M`, `resample_ends`, `stderr_tol` of `compare_risks`.

    Returns
    -------
    values, stderrs : arrays, shape (n_c,)
        Each entry is bit for bit what it is when its c is asked for alone.

    Raises
    ------
    ValueError
        If there is not one seed for each c.

    Examples
    --------
    >>> import numpy as np
    >>> from adaptive_calib.emd import bemd_curve
    >>> a, b, deltas = [0.0, 1.0, 2.0, 3.0, 4.0], [0.1, 1.1, 2.1, 3.1, 4.1], [0.2] * 5
    >>> c = [0.01, 1.0, 100.0]
    >>> seeds = np.random.SeedSequence(1).spawn(3)
    >>> values, errors = bemd_curve(a, deltas, b, deltas, c, seeds)
    >>> bool((np.diff(values) < 0).all())  # the larger c, the less it dares to say
    True
    """
    c = np.asarray(c, np.float64)
    if c.ndim != 1 or len(seeds) != c.size:
        raise ValueError(
            f"expected `c` of shape (n_c,) and one seed for each, but `c` has shape {c.shape} and there are "
            f"{len(seeds)} seeds."
        )
    laws_a, laws_b = _solve_pair(quantiles_a, deltas_a, quantiles_b, deltas_b, c)
    estimates = [
        compare_risks(law_a, law_b, seed=seed, **options)
        for law_a, law_b, seed in zip(laws_a, laws_b, seeds, strict=True)
    ]
    return np.array([e.value for e in estimates]), np.array([e.stderr for e in estimates])


def seed_for_c(seed: np.random.SeedSequence, c: float) -> np.random.SeedSequence:
    """Return the child of `seed` for one c, keyed by the bits of c: the same whichever other c are evaluated.

    Examples
    --------
    >>> import numpy as np
    >>> from adaptive_calib.emd import seed_for_c
    >>> seed = np.random.SeedSequence(1)
    >>> one, same, other = (np.random.default_rng(seed_for_c(seed, c)).random() for c in (0.5, 0.5, 0.25))
    >>> one == same, one == other
    (True, False)
    """
    bits = int(np.float64(float(c) + 0.0).view(np.uint64))  # + 0.0 turns -0.0 into 0.0
    return _child(seed, bits)


def draw_R_samples(
    mixed_risk_ppf: PPF,
    synth_risk_ppf: PPF,
    c: float,
    *,
    res: SupportsIndex = 8,
    M: SupportsIndex = 128,
    max_M: SupportsIndex = 1024,
    relstderr_tol: float = 2**-5,
    path_progbar: ProgressTarget = None,
    print_relstderr: bool = False,
    rng: RNGLike = None,
) -> Floats:
    """Draw expected risks R of one model.

    Parameters
    ----------
    mixed_risk_ppf, synth_risk_ppf : callable
        Quantile functions of the model's loss on observed and on synthetic data; array → array on [0, 1].
    c : float, ≥ 0
        Sensitivity.
    res : int, ≥ 1
        The paths have 2**res + 1 points; 8 is converged, 6 off by 1 to 6 %.
    M, max_M : int, ≥ 1
        Paths drawn at first, and at most. The first M are drawn even if M > max_M.
    relstderr_tol : float
        Paths are added while std(R)/max(|mean R|, 1e-8)/√M is above it. Note that adding a constant to the loss changes
        this; `Bemd` uses a rule without that flaw.
    path_progbar
        None, ``"auto"`` (shows nothing), a tqdm bar (reset, then updated once a batch) or a queue (gets the number of
        paths once for each path).
    print_relstderr
        Print the relative error after each batch.
    rng
        Anything for `numpy.random.default_rng`. The same seed gives the same risks; a Generator is moved on.

    Returns
    -------
    array, shape (paths used,)
        In units of the loss, in the order in which they were drawn.

    Raises
    ------
    ValueError, TypeError
        If a PPF is not finite, not non-decreasing or of the wrong shape, c < 0, res < 1, M < 1 or max_M < 1.

    Examples
    --------
    >>> import numpy as np
    >>> from adaptive_calib.emd import draw_R_samples, make_empirical_risk_ppf
    >>> rng = np.random.default_rng(1)
    >>> observed = make_empirical_risk_ppf(rng.normal(1.0, 0.5, 400))
    >>> synthetic = make_empirical_risk_ppf(rng.normal(1.1, 0.5, 400))
    >>> risks = draw_R_samples(observed, synthetic, c=1.0, M=128, rng=2)
    >>> risks.shape, abs(float(risks.mean()) - 1) < 0.1
    ((128,), True)
    """
    M, max_M = path_batch(M, "M"), path_batch(max_M, "max_M")
    c = float(c)
    law = PathLaw.solve(*evaluate_ppfs(mixed_risk_ppf, synth_risk_ppf, res), c)
    paths, ends = (np.random.Generator(np.random.PCG64(seed)) for seed in _seeds(rng, 2))
    return _risks_by_relative_error(
        law, M, max_M, relstderr_tol, (paths, ends), Progress(path_progbar), print_relstderr
    )


def Bemd(
    mixed_risk_ppfA: PPF,
    mixed_risk_ppfB: PPF,
    synth_risk_ppfA: PPF,
    synth_risk_ppfB: PPF,
    c: ArrayLike,
    *,
    res: SupportsIndex = 7,
    M: SupportsIndex = 32,
    max_M: SupportsIndex = 1024,
    relstderr_tol: float | None = None,
    progbarA: ProgressTarget = "auto",
    progbarB: ProgressTarget = "auto",
    use_multiprocessing: bool = True,
    rng: RNGLike = None,
    stderr_tol: float = 0.01,
    resample_ends: SupportsIndex = 32,
) -> float | Floats:
    """Return the criterion Bemd = P(R_A < R_B): how sure it is that model A has the lower expected risk.

    Note the order of the arguments: both mixed PPFs, then both synthetic ones.

    Parameters
    ----------
    mixed_risk_ppfA, mixed_risk_ppfB, synth_risk_ppfA, synth_risk_ppfB : callable
        Quantile functions of the two models' losses on observed data (mixed) and on their own synthetic data.
    c : float or array-like
        Sensitivity, ≥ 0; an array gives one value for each c.
    res : int, ≥ 1
        The paths have 2**res + 1 points.
    M, max_M : int, ≥ 1
        Paths of each model at first and at most.
    relstderr_tol : float, optional
        If given, emdcmp's way: each model's paths are added as in `draw_R_samples`, one pair of ends for each.
    progbarA, progbarB
        As `path_progbar` of `draw_R_samples`.
    use_multiprocessing
        Accepted for the sake of emdcmp's callers, without effect: a process takes longer to start than this takes.
    rng
        Anything for `numpy.random.default_rng`. With the same seed the value at one c is the same whichever other c are
        asked for.
    stderr_tol : float
        Standard error at which no more paths are added; used unless `relstderr_tol` is given.
    resample_ends : int, ≥ 1
        Pairs of ends for each path; used unless `relstderr_tol` is given.

    Returns
    -------
    float or array of the shape of `c`
        In [0, 1]. Ties count 0.

    Raises
    ------
    ValueError, TypeError
        As `draw_R_samples`.

    Examples
    --------
    >>> import numpy as np
    >>> from adaptive_calib.emd import Bemd, make_empirical_risk_ppf
    >>> rng = np.random.default_rng(1)
    >>> observed_a, observed_b = (make_empirical_risk_ppf(rng.normal(mean, 0.5, 400)) for mean in (1.0, 1.2))
    >>> synthetic_a, synthetic_b = (make_empirical_risk_ppf(rng.normal(mean, 0.5, 400)) for mean in (1.0, 1.2))
    >>> confidence = Bemd(observed_a, observed_b, synthetic_a, synthetic_b, c=1.0, rng=2)
    >>> 0.5 < confidence < 1
    True
    """
    M, max_M = path_batch(M, "M"), path_batch(max_M, "max_M")
    c = np.asarray(c, np.float64)
    quantiles_a, deltas_a = evaluate_ppfs(mixed_risk_ppfA, synth_risk_ppfA, res, "A")
    quantiles_b, deltas_b = evaluate_ppfs(mixed_risk_ppfB, synth_risk_ppfB, res, "B")
    laws_a, laws_b = _solve_pair(quantiles_a, deltas_a, quantiles_b, deltas_b, c.ravel())
    (root,) = _seeds(rng, 1)
    values = np.empty(c.size)
    for k, (law_a, law_b) in enumerate(zip(laws_a, laws_b, strict=True)):
        seed = seed_for_c(root, float(law_a.c))
        bars = Progress(progbarA), Progress(progbarB)  # they begin anew for each c
        if relstderr_tol is None:
            estimate = compare_risks(
                law_a, law_b, seed=seed, M=M, max_M=max_M, resample_ends=resample_ends, stderr_tol=stderr_tol
            )
            for bar, drawn in zip(bars, (estimate.M_a, estimate.M_b), strict=True):
                bar.start(drawn)
                bar.advance(drawn)
        else:
            streams = [np.random.Generator(np.random.PCG64(child)) for child in _children(seed)]
            risks_a, risks_b = (
                _risks_by_relative_error(law, M, max_M, relstderr_tol, (paths, ends), bar, False)
                for law, paths, ends, bar in zip((law_a, law_b), streams[::2], streams[1::2], bars, strict=True)
            )
            estimate = _estimate(risks_a[:, None], risks_b[:, None], _tie(law_a, law_b))
        values[k] = estimate.value
    return values.reshape(c.shape) if c.ndim else float(values[0])


def compare_matrix(R_samples: Mapping[Any, ArrayLike]) -> Any:
    """Compare any number of models from their samples of R.

    Parameters
    ----------
    R_samples : mapping
        Name of the model → expected risks, 1-d; at least one, all finite.

    Returns
    -------
    pandas.DataFrame, or a dict of columns {b: {a: value}} where pandas is not installed
        Entry (row a, column b) is P(R_a < R_b) for a before b in the mapping (ties count 0), 1 minus that for the
        mirrored entry, and 0.5 on the diagonal.

    Raises
    ------
    ValueError
        If some risks are no 1-d array of finite numbers, or there are none.

    Examples
    --------
    >>> from adaptive_calib.emd import compare_matrix
    >>> table = compare_matrix({"A": [1.0, 2.0], "B": [1.5, 2.5]})
    >>> float(table["B"]["A"]), float(table["A"]["B"])
    (0.75, 0.25)
    """
    risks = {}
    for name, samples in R_samples.items():
        values = np.asarray(samples, np.float64)
        if values.ndim != 1 or values.size == 0 or not np.isfinite(values).all():
            raise ValueError(
                f"`R_samples[{name!r}]` should be a 1-d array of finite risks, at least one, but has shape "
                f"{values.shape} and {np.count_nonzero(~np.isfinite(values))} that are NaN or infinite; draw them with "
                "draw_R_samples."
            )
        risks[name] = np.sort(values)
    names = list(risks)
    columns: dict[Any, dict[Any, float]] = {b: dict.fromkeys(names, 0.5) for b in names}
    for i, a in enumerate(names):
        for b in names[i + 1 :]:
            above = risks[b].size - np.searchsorted(risks[b], risks[a], side="right")
            columns[b][a] = float(above.sum() / (risks[a].size * risks[b].size))
            columns[a][b] = 1.0 - columns[b][a]
    try:
        import pandas as pd
    except ImportError:
        return columns
    return pd.DataFrame(columns, index=names, columns=names)


def _risks_by_relative_error(
    law: PathLaw,
    M: int,
    max_M: int,
    tolerance: float,
    streams: tuple[np.random.Generator, np.random.Generator],
    progress: Progress,
    print_relstderr: bool,
) -> Floats:
    """Draw R until emdcmp's relative standard error of the mean is at most `tolerance`."""
    if not tolerance > 0.0:
        raise ValueError(f"`relstderr_tol` should be above 0, but is {tolerance}; inf draws M and no more.")
    paths, ends = streams
    risks = np.empty(0)
    while True:
        more = M - risks.size
        progress.start(M)
        first, width = law.sample_ends((more,), ends)
        risks = np.concatenate([risks, first + width * law.sample_normalised(more, paths)])
        progress.advance(more)
        error = float(risks.std() / max(abs(risks.mean()), MEAN_MIN) / math.sqrt(M))
        if print_relstderr:
            print(f"Relative standard error after {M} paths: {error:.4g}")  # noqa: T201  what the argument asks for
        if error <= tolerance or max_M <= M:
            break
        wanted = math.ceil(min(M * (error / tolerance) ** 2, 2 * M))
        if wanted > max_M:
            logger.warning("%d paths would be needed, but max_M is %d", wanted, max_M)
        M = min(wanted, max_M)
    if error > tolerance:
        logger.warning(
            "relative standard error of the expected risk is %.3g after %d paths, above relstderr_tol = %.3g",
            error, M, tolerance,
        )  # fmt: skip
    return risks


def _tie(law_a: PathLaw, law_b: PathLaw) -> float:
    """Return up to which difference two risks are tied."""
    return TIE * float(max(np.abs(law_a.quantiles).max(), np.abs(law_b.quantiles).max()))


def _estimate(risks_a: Floats, risks_b: Floats, tie: float) -> BemdEstimate:
    """Count the pairs R_A + `tie` < R_B of two arrays of shape (M, K) and their standard error."""
    flat_a, flat_b = risks_a.ravel(), risks_b.ravel()
    shifted = flat_a + tie
    above = flat_b.size - np.searchsorted(np.sort(flat_b), shifted, side="right")
    below = np.searchsorted(np.sort(shifted), flat_b, side="left")
    wins, pairs = int(above.sum()), flat_a.size * flat_b.size
    M_a, M_b = risks_a.shape[0], risks_b.shape[0]
    if min(M_a, M_b) < 2:
        stderr = 0.5  # nothing can be said; the largest that a share can have
    elif wins in (0, pairs):
        stderr = 0.5 / min(M_a, M_b)
    else:
        u = above.reshape(risks_a.shape).mean(axis=1) / flat_b.size
        t = below.reshape(risks_b.shape).mean(axis=1) / flat_a.size
        stderr = math.sqrt(u.var(ddof=1) / M_a + t.var(ddof=1) / M_b)
    return BemdEstimate(wins / pairs, stderr, wins, pairs, M_a, M_b)


def _solve_pair(
    quantiles_a: ArrayLike, deltas_a: ArrayLike, quantiles_b: ArrayLike, deltas_b: ArrayLike, c: Floats
) -> tuple[PathLaw, PathLaw]:
    """Solve two models at all c; in one batch if they have the same grid, which changes no bit of the result."""
    shapes = {np.shape(array) for array in (quantiles_a, deltas_a, quantiles_b, deltas_b)}
    if len(shapes) == 1:
        laws = PathLaw.solve(np.stack([quantiles_a, quantiles_b]), np.stack([deltas_a, deltas_b]), c)
        return laws[0], laws[1]
    return PathLaw.solve(quantiles_a, deltas_a, c), PathLaw.solve(quantiles_b, deltas_b, c)


def _seeds(rng: RNGLike, count: int) -> list[np.random.SeedSequence]:
    """Return `count` independent seeds drawn from `rng`, which is moved on."""
    words = np.random.default_rng(rng).integers(0, 2**32, size=(count, 4), dtype=np.uint32)
    return [np.random.SeedSequence([int(word) for word in row]) for row in words]


def _children(seed: np.random.SeedSequence) -> tuple[np.random.SeedSequence, ...]:
    """Return (A paths, A ends, B paths, B ends), without changing `seed` as its own spawn would."""
    return tuple(_child(seed, j) for j in range(4))


def _child(seed: np.random.SeedSequence, key: SupportsIndex) -> np.random.SeedSequence:
    return np.random.SeedSequence(
        seed.entropy, spawn_key=(*seed.spawn_key, operator.index(key)), pool_size=seed.pool_size
    )
