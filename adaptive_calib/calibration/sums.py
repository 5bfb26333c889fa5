"""Running sums of a calibration: one experiment is added for many c at a cost that does not grow.

Kept for each c: the histogram of a = |logit B~| of hits and of all experiments (for the slope, see `slope`), folded
bins of fixed edges (for confidence sequences: equal-count bins move while one looks, which would spoil the guarantee),
and the sums of the two scores. The sums do not depend on the order of the experiments but for rounding.

The histogram has 513 nodes between a = 0 and logit(1 - clip); an experiment between two nodes is shared between them so
that its a is kept (linear binning). Then Σ a h is exact, and only the smooth function a expit(κ a) is interpolated,
over nodes 1/60 apart: slopes agree with `slope.calibration_slopes` to about a five-hundredth of their standard error.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from adaptive_calib.calibration.bands import confidence_sequence
from adaptive_calib.calibration.pairs import Floats, Ints, fold
from adaptive_calib.calibration.slope import DEFAULT_CLIP, clip_bemd, solve_slopes

__all__ = ["CalibrationSums", "FoldedBins"]

NODES = 513


@dataclass(frozen=True)
class FoldedBins:
    """Folded bins of fixed edges, for each c.

    Attributes
    ----------
    edges : array, shape (bins + 1,)
        Of the confidence x' in [1/2, 1].
    n, hits : array of int, shape (n_c, bins)
        Experiments in each bin and how many of them are hits.
    confidence : array, shape (n_c, bins)
        Mean confidence in each bin; NaN where it is empty.
    lower, upper : array, shape (n_c, bins)
        Confidence sequences of the share of hits: valid at all times at once, for each bin by itself or (if asked for)
        for all bins of one c; (0, 1) in an empty bin.

    Examples
    --------
    >>> from adaptive_calib.calibration.curve import CalibrationSums
    >>> sums = CalibrationSums(n_c=1)
    >>> sums.add([0.9], True)
    >>> sums.add([0.2], False)
    >>> int(sums.folded().n.sum())
    2
    """

    edges: Floats
    n: Ints
    hits: Ints
    confidence: Floats
    lower: Floats
    upper: Floats

    @property
    def half_width(self) -> Floats:
        """Half the width of each confidence sequence, shape (n_c, bins)."""
        return (self.upper - self.lower) / 2


class CalibrationSums:
    """Sums over experiments from which slopes, scores and folded bins of many c follow at once.

    Parameters
    ----------
    n_c : int
        Number of c values; more are appended by `append_c`.
    folded_bins : int
        Bins of equal width of the confidence in [1/2, 1].
    clip : float
        B_EMD is clipped to [clip, 1 - clip] for slopes and log scores.

    Examples
    --------
    >>> import numpy as np
    >>> from adaptive_calib.calibration.curve import CalibrationSums
    >>> rng = np.random.default_rng(1)
    >>> sums = CalibrationSums(n_c=2)
    >>> for _ in range(500):
    ...     bemd = rng.random(2)
    ...     sums.add(bemd, bool(rng.random() < bemd[0]))
    >>> slopes, errors = sums.slopes()
    >>> sums.n, bool(abs(slopes[0] - 1) < 3 * errors[0])
    (array([500, 500]), True)
    """

    def __init__(self, n_c: int = 0, *, folded_bins: int = 8, clip: float = DEFAULT_CLIP) -> None:
        if n_c < 0 or folded_bins < 1:
            raise ValueError(f"`n_c` should be 0 or more and `folded_bins` 1 or more, but are {n_c} and {folded_bins}.")
        self.clip = clip
        self.edges = np.linspace(0.5, 1, folded_bins + 1)
        self._nodes = np.linspace(0, float(np.log((1 - clip) / clip)), NODES)
        self._weight, self._hits = np.zeros((n_c, NODES)), np.zeros((n_c, NODES))
        self._bin_n = np.zeros((n_c, folded_bins), dtype=np.int64)
        self._bin_hits = np.zeros((n_c, folded_bins), dtype=np.int64)
        self._bin_confidence = np.zeros((n_c, folded_bins))
        self._n, self._undecided, self._missing = (np.zeros(n_c, dtype=np.int64) for _ in range(3))
        self._log, self._brier = np.zeros(n_c), np.zeros(n_c)

    @property
    def n_c(self) -> int:
        """Number of c values."""
        return self._n.size

    @property
    def n(self) -> Ints:
        """Experiments used at each c, shape (n_c,)."""
        return self._n.copy()

    @property
    def n_undecided(self) -> Ints:
        """Experiments with a B_EMD at each c that were left out since their label is NaN, shape (n_c,)."""
        return self._undecided.copy()

    @property
    def n_missing(self) -> Ints:
        """Experiments left out at each c since their B_EMD is NaN, shape (n_c,)."""
        return self._missing.copy()

    def add(self, bemd: ArrayLike, bepis: float) -> None:
        """Add one experiment: its B_EMD at every c, shape (n_c,) (NaN: missing), and its label (NaN: undecided)."""
        x = np.asarray(bemd, dtype=float)
        if x.shape != (self.n_c,):
            raise ValueError(f"`bemd` should have shape (n_c,) = ({self.n_c},), but has shape {x.shape}.")
        self._add(np.arange(self.n_c), x, np.full(x.shape, float(bepis)))

    def add_many(self, bemd: ArrayLike, bepis: ArrayLike) -> None:
        """Add many experiments: B_EMD of shape (n, n_c), labels of shape (n,); the same as adding them one by one."""
        x, y = np.asarray(bemd, dtype=float), np.asarray(bepis, dtype=float)
        if x.ndim != 2 or x.shape != (y.size, self.n_c) or y.ndim != 1:
            raise ValueError(
                f"`bemd` should have shape (n, n_c) = (n, {self.n_c}) and `bepis` (n,), but they have shapes "
                f"{x.shape} and {y.shape}."
            )
        rows = np.broadcast_to(np.arange(self.n_c), x.shape)
        self._add(rows.ravel(), x.ravel(), np.broadcast_to(y[:, None], x.shape).ravel())

    def add_at(self, k: int, bemd: float, bepis: float) -> None:
        """Add one experiment at the c number `k` only."""
        if not 0 <= k < self.n_c:
            raise IndexError(f"`k` should lie in 0 ... {self.n_c - 1}, but is {k}.")
        self._add(np.array([k]), np.array([bemd], dtype=float), np.array([bepis], dtype=float))

    def append_c(self, bemd: ArrayLike, bepis: ArrayLike) -> None:
        """Append one c, with the B_EMD and labels of all its experiments so far, both of shape (n,)."""
        x = np.asarray(bemd, dtype=float)
        new = CalibrationSums(1, folded_bins=self.edges.size - 1, clip=self.clip)
        new.add_many(x[:, None], bepis)
        for name in ("_weight", "_hits", "_bin_n", "_bin_hits", "_bin_confidence"):
            setattr(self, name, np.concatenate([getattr(self, name), getattr(new, name)]))
        for name in ("_n", "_undecided", "_missing", "_log", "_brier"):
            setattr(self, name, np.append(getattr(self, name), getattr(new, name)))

    def slopes(self, start: ArrayLike | None = None) -> tuple[Floats, Floats]:
        """Return calibration slopes and standard errors, shape (n_c,); the prior's (1, 1) without experiments.

        `start` is where Newton's method starts, for instance at the last result; the outcome does not depend on it.
        """
        return solve_slopes(self._nodes, self._weight, self._hits, start)

    def log_scores(self) -> Floats:
        """Return the mean log score at each c; NaN without experiments. See `slope.log_score`."""
        return self._mean(self._log)

    def brier_scores(self) -> Floats:
        """Return the Brier score at each c; NaN without experiments."""
        return self._mean(self._brier)

    def folded(self, alpha: float = 0.05, *, simultaneous: bool = False) -> FoldedBins:
        """Return the folded bins with confidence sequences at level 1 - `alpha`.

        With ``simultaneous=True`` all bins of one c are covered at once (alpha divided by their number).
        """
        bins = self._bin_n.shape[1]
        lower, upper = confidence_sequence(self._bin_hits, self._bin_n, alpha / bins if simultaneous else alpha)
        confidence = np.full(self._bin_n.shape, np.nan)
        np.divide(self._bin_confidence, self._bin_n, out=confidence, where=self._bin_n > 0)
        return FoldedBins(self.edges.copy(), self._bin_n.copy(), self._bin_hits.copy(), confidence, lower, upper)

    def _mean(self, sums: Floats) -> Floats:
        mean = np.full(self.n_c, np.nan)
        np.divide(sums, self._n, out=mean, where=self._n > 0)
        return mean

    def _add(self, row: Ints, x: Floats, y: Floats) -> None:
        """Add items: the c number, B_EMD and label of each."""
        missing = np.isnan(x)
        if np.any(~missing & ~((x >= 0) & (x <= 1))):
            raise ValueError("`bemd` should lie in [0, 1], or be NaN where it is missing.")
        if np.any(~np.isnan(y) & (y != 0) & (y != 1)):
            raise ValueError("`bepis` should be False, True or NaN (undecided).")
        undecided = ~missing & np.isnan(y)
        np.add.at(self._missing, row[missing], 1)
        np.add.at(self._undecided, row[undecided], 1)
        used = ~missing & ~undecided
        row, x, y = row[used], x[used], y[used]
        clipped = clip_bemd(x, self.clip)
        np.add.at(self._n, row, 1)
        np.add.at(self._log, row, -np.log(np.where(y == 1, clipped, 1 - clipped)))
        np.add.at(self._brier, row, np.square(x - y))
        confidence, hit = fold(x, y)
        sided = ~np.isnan(hit)
        self._add_sided(row[sided], clipped[sided], confidence[sided], hit[sided])

    def _add_sided(self, row: Ints, clipped: Floats, confidence: Floats, hit: Floats) -> None:
        position = np.abs(np.log(clipped / (1 - clipped))) / self._nodes[1]
        node = np.minimum(position.astype(np.int64), NODES - 2)
        right = position - node
        for offset, share in ((0, 1 - right), (1, right)):
            np.add.at(self._weight, (row, node + offset), share)
            np.add.at(self._hits, (row, node + offset), share * hit)
        bins = self._bin_n.shape[1]
        cell = np.minimum(((confidence - 0.5) * 2 * bins).astype(np.int64), bins - 1)
        np.add.at(self._bin_n, (row, cell), 1)
        np.add.at(self._bin_hits, (row, cell), hit.astype(np.int64))
        np.add.at(self._bin_confidence, (row, cell), confidence)
