"""Folded bins of fixed edges, with limits that hold however often one looks.

Equal-count bins (see `bins`) move while experiments are added, which would spoil the guarantee of a confidence
sequence; here the edges of the confidence x' = max(x, 1 - x) in [1/2, 1] are fixed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from adaptive_calib._arrays import Floats, Ints
from adaptive_calib.calibration.bands import confidence_sequence
from adaptive_calib.calibration.pairs import as_pairs, fold

__all__ = ["FoldedBins", "folded_bins"]


@dataclass(frozen=True)
class FoldedBins:
    """Folded bins of one c.

    Attributes
    ----------
    edges : array, shape (bins + 1,)
        Of the confidence x' in [1/2, 1].
    n, hits : array of int, shape (bins,)
        Experiments in each bin and how many of them are hits.
    confidence : array, shape (bins,)
        Mean confidence in each bin; NaN where it is empty.
    lower, upper : array, shape (bins,)
        Confidence sequences of the share of hits, valid at every number of experiments, for each bin by itself;
        (0, 1) in an empty bin.

    Examples
    --------
    >>> from adaptive_calib.calibration.curve import folded_bins
    >>> folded_bins([0.9, 0.2], [True, False]).hits.sum()
    np.int64(2)
    """

    edges: Floats
    n: Ints
    hits: Ints
    confidence: Floats
    lower: Floats
    upper: Floats

    @property
    def half_width(self) -> Floats:
        """Half the width of each confidence sequence, shape (bins,)."""
        return (self.upper - self.lower) / 2


def folded_bins(bemd: ArrayLike, bepis: ArrayLike, bins: int = 8, *, alpha: float = 0.05) -> FoldedBins:
    """Return the folded bins of one c with confidence sequences at level 1 - `alpha`.

    Parameters
    ----------
    bemd, bepis : array-like, shape (n,)
        See `pairs.as_pairs`; undecided and missing experiments are left out.
    bins : int
        Bins of equal width of the confidence in [1/2, 1].
    alpha : float
        Probability that the limits of one bin miss its share at any time.

    Raises
    ------
    ValueError
        If `bins` is less than 1.

    Examples
    --------
    >>> import numpy as np
    >>> from adaptive_calib.calibration.curve import folded_bins
    >>> rng = np.random.default_rng(1)
    >>> bemd = rng.random(4000)
    >>> folded = folded_bins(bemd, rng.random(4000) < bemd)
    >>> bool(np.all((folded.lower < folded.confidence) & (folded.confidence < folded.upper)))
    True
    """
    if bins < 1:
        raise ValueError(f"`bins` should be 1 or more, but is {bins!r}.")
    pairs = as_pairs(bemd, bepis)
    confidence, hit = fold(pairs.bemd, pairs.hits)
    sided = ~np.isnan(hit)
    confidence, hit = confidence[sided], hit[sided]
    cell = np.minimum(((confidence - 0.5) * 2 * bins).astype(np.int64), bins - 1)
    n = np.bincount(cell, minlength=bins)
    hits = np.bincount(cell, weights=hit, minlength=bins).astype(np.int64)
    mean = np.full(bins, np.nan)
    np.divide(np.bincount(cell, weights=confidence, minlength=bins), n, out=mean, where=n > 0)
    return FoldedBins(np.linspace(0.5, 1, bins + 1), n, hits, mean, *confidence_sequence(hits, n, alpha))
