"""Pairs (B_EMD, B_epis) as arrays: what is accepted, what is left out, and how they are folded.

Every statistic of a calibration starts from one pair per experiment: ``bemd`` in [0, 1], how sure the criterion is that
A beats B, and ``bepis``, whether A truly does. A pair whose label is NaN is *undecided* (the sign of the mean loss
difference was not settled); one whose ``bemd`` is NaN is *missing* (the experiment failed, or this c was not evaluated
for it). Both are left out whatever the other half says, so that neither side of the curve is favoured, and counted.

Folding: the confidence is x' = max(x, 1 - x) and the hit is h = [B_epis is on B_EMD's side]; the criterion is
conservative if E[h - x' | x'] >= 0 for all x'. At x = 1/2 exactly the criterion takes no side and the hit is NaN.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from adaptive_calib._arrays import Floats, Ints

__all__ = ["Pairs", "as_pairs", "fold", "table_columns"]


@dataclass(frozen=True)
class Pairs:
    """The usable pairs of a calibration at one c, in the order in which they came.

    Attributes
    ----------
    bemd : array, shape (n,)
        B_EMD in [0, 1], no NaN.
    hits : array, shape (n,)
        B_epis as 0.0 or 1.0.
    index : array of int, shape (n,)
        Where each pair stood in the input.
    n_undecided : int
        How many pairs were left out since their label is NaN.
    n_missing : int
        How many were left out since their B_EMD is NaN.

    Examples
    --------
    >>> from adaptive_calib.calibration.curve import as_pairs
    >>> pairs = as_pairs([0.1, 0.8], [0, 1])
    >>> pairs.bemd.tolist(), pairs.hits.tolist(), pairs.index.tolist()
    ([0.1, 0.8], [0.0, 1.0], [0, 1])
    """

    bemd: Floats
    hits: Floats
    index: Ints
    n_undecided: int
    n_missing: int

    def __len__(self) -> int:
        return self.bemd.size

    @property
    def cautions(self) -> tuple[str, ...]:
        """Cautions for readers of a curve made from these pairs, in words; empty if there are none."""
        words = []
        if not len(self):
            words.append("there is no experiment with both B_EMD and a settled B_epis: every statistic is NaN")
        elif self.hits.min() == self.hits.max():
            words.append(
                f"all {len(self)} experiments have B_epis = {int(self.hits[0])}: the same model always wins, so the "
                "curve only shows a constant; choose an epistemic distribution in which either model can win"
            )
        if len(self) and self.bemd.min() == self.bemd.max():
            words.append(f"all {len(self)} experiments have B_EMD = {self.bemd[0]:g}: the curve is a single point")
        elif len(self) and bool(np.all((self.bemd == 0) | (self.bemd == 1))):
            words.append("every B_EMD is exactly 0 or 1: c is so small that the curve has only its two end points")
        if self.n_undecided:
            words.append(f"{self.n_undecided} experiments with undecided B_epis are left out")
        if self.n_missing:
            words.append(f"{self.n_missing} experiments without B_EMD are left out")
        return tuple(words)


def as_pairs(bemd: ArrayLike, bepis: ArrayLike) -> Pairs:
    """Check one pair per experiment and leave out what is undecided or missing.

    Parameters
    ----------
    bemd : array-like, shape (n,)
        B_EMD in [0, 1]; NaN where it is missing.
    bepis : array-like of bool or float, shape (n,)
        B_epis: False / True or 0 / 1; NaN where it is undecided.

    Raises
    ------
    ValueError
        Shapes that differ or are not one-dimensional, B_EMD outside [0, 1], labels other than 0, 1 and NaN.

    Examples
    --------
    >>> from adaptive_calib.calibration.curve import as_pairs
    >>> pairs = as_pairs([0.1, 0.5, float("nan")], [0, float("nan"), 1])
    >>> len(pairs), pairs.n_undecided, pairs.n_missing
    (1, 1, 1)
    """
    x = np.asarray(bemd, dtype=float)
    y = np.asarray(bepis, dtype=float)
    if x.ndim != 1 or x.shape != y.shape:
        raise ValueError(
            "`bemd` and `bepis` should be one-dimensional and of the same length, one entry per experiment, "
            f"but have shapes {x.shape} and {y.shape}."
        )
    missing = np.isnan(x)
    undecided = np.isnan(y) & ~missing
    outside = ~missing & ~((x >= 0) & (x <= 1))
    if outside.any():
        first = int(np.flatnonzero(outside)[0])
        raise ValueError(
            f"`bemd` should lie in [0, 1] (NaN: missing), but {int(outside.sum())} entries do not; "
            f"the first is bemd[{first}] = {x[first]!r}."
        )
    odd = ~np.isnan(y) & (y != 0) & (y != 1)
    if odd.any():
        first = int(np.flatnonzero(odd)[0])
        raise ValueError(
            f"`bepis` should be False, True or NaN (undecided), but bepis[{first}] = {y[first]!r}; "
            "half labels are not supported: mark them NaN."
        )
    index = np.flatnonzero(~missing & ~undecided)
    return Pairs(x[index], y[index], index, int(undecided.sum()), int(missing.sum()))


def fold(bemd: ArrayLike, bepis: ArrayLike) -> tuple[Floats, Floats]:
    """Fold about 1/2: confidence and hit.

    Parameters
    ----------
    bemd, bepis : array-like, any shapes that broadcast
        B_EMD in [0, 1] and B_epis as 0 or 1; NaN passes through.

    Returns
    -------
    confidence : array
        x' = max(x, 1 - x), in [1/2, 1].
    hit : array
        1.0 if B_epis is on B_EMD's side, else 0.0; NaN where B_EMD is exactly 1/2 (no side is taken), where the label
        is undecided and where B_EMD is missing.

    Examples
    --------
    >>> from adaptive_calib.calibration.curve import fold
    >>> confidence, hit = fold([0.2, 0.8], [0, 0])
    >>> confidence.tolist(), hit.tolist()
    ([0.8, 0.8], [1.0, 0.0])
    """
    x, y = np.broadcast_arrays(np.asarray(bemd, dtype=float), np.asarray(bepis, dtype=float))
    hit = ((x > 0.5) == (y == 1)).astype(float)
    hit[(x == 0.5) | np.isnan(x) | np.isnan(y)] = np.nan
    return np.maximum(x, 1 - x), hit


def table_columns(table: Any) -> tuple[Floats, Floats]:
    """Return B_EMD and B_epis of one c from a calibration table, as floats of shape (n,).

    Parameters
    ----------
    table
        A structured array with the fields ``Bemd`` and ``Bepis`` (or ``Bconf``, as older releases of emdcmp call it),
        a mapping or a pandas data frame with these columns, or a sequence of pairs (Bemd, Bepis).

    Raises
    ------
    ValueError
        If the columns are not there.

    Examples
    --------
    >>> import numpy as np
    >>> from adaptive_calib.calibration import calib_point_dtype
    >>> from adaptive_calib.calibration.curve import table_columns
    >>> bemd, bepis = table_columns(np.array([(0.1, False), (0.8, True)], calib_point_dtype))
    >>> bemd.tolist(), bepis.tolist()
    ([0.1, 0.8], [0.0, 1.0])
    """
    names: Sequence[str] | None = None
    if isinstance(table, np.ndarray) and table.dtype.names is not None:
        names = table.dtype.names
    elif isinstance(table, Mapping) or hasattr(table, "columns"):  # a data frame is known by its columns only
        names = [str(name) for name in (table if isinstance(table, Mapping) else table.columns)]
    if names is not None:
        label = next((name for name in ("Bepis", "Bconf") if name in names), None)
        if "Bemd" not in names or label is None:
            raise ValueError(f"a calibration table should have the fields 'Bemd' and 'Bepis', but has {list(names)}.")
        return np.asarray(table["Bemd"], dtype=float), np.asarray(table[label], dtype=float)
    pairs = np.asarray(table, dtype=float)
    if pairs.size == 0:
        return np.empty(0), np.empty(0)
    if pairs.ndim != 2 or pairs.shape[1] != 2:
        raise ValueError(
            "a calibration table should be a structured array with the fields 'Bemd' and 'Bepis', or a sequence of "
            f"pairs (Bemd, Bepis), but has shape {pairs.shape} and dtype {pairs.dtype}."
        )
    return pairs[:, 0], pairs[:, 1]
