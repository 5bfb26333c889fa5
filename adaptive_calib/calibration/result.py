"""The familiar result of a calibration on a fixed grid of c, in the form that emdcmp 1.1.1 gives it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from adaptive_calib.calibration._notebook_repr import NotebookRepr

__all__ = ["CalibrateOutput", "CalibrateResult", "calib_point_dtype", "read_result"]

#: One experiment at one c. Older tables call the second field Bconf; `read_result` accepts both.
calib_point_dtype = np.dtype([("Bemd", np.float64), ("Bepis", np.bool_)])

#: c -> structured array of `calib_point_dtype`, one row for each experiment in its order.
CalibrateResult = dict[float, NDArray[np.void]]


@dataclass(frozen=True)
class CalibrateOutput(NotebookRepr):
    """The compact form of a result.

    Attributes
    ----------
    Bemd : list of float
        Experiment-major: all c of the first experiment, then of the second, …
    Bepis : list of bool
        One for each experiment.

    Examples
    --------
    >>> from adaptive_calib.calibration import CalibrateOutput
    >>> output = CalibrateOutput(Bemd=[0.1, 0.2, 0.8, 0.9], Bepis=[False, True])  # two experiments at two c
    >>> output.unpack([0.5, 1.0])[1.0]["Bemd"].tolist()
    [0.2, 0.9]
    """

    Bemd: list[float]
    Bepis: list[bool]

    def unpack(self, c_list: Sequence[float]) -> CalibrateResult:
        """Return the result as c -> record array.

        Raises
        ------
        ValueError
            If there are not as many B_EMD as c times experiments.
        """
        if len(self.Bemd) != len(c_list) * len(self.Bepis):
            raise ValueError(
                f"expected {len(c_list)} c × {len(self.Bepis)} experiments = {len(c_list) * len(self.Bepis)} values of "
                f"Bemd, but got {len(self.Bemd)}; the output belongs to another c_list."
            )
        result: CalibrateResult = {}
        for k, c in enumerate(c_list):
            rows = np.empty(len(self.Bepis), calib_point_dtype)
            rows["Bemd"], rows["Bepis"] = self.Bemd[k :: len(c_list)], self.Bepis
            result[float(c)] = rows
        return result


def read_result(result: Mapping[float, Any]) -> CalibrateResult:
    """Return a table of emdcmp, of whatever release, as a `CalibrateResult`.

    Parameters
    ----------
    result : mapping, c -> structured array with the fields Bemd and Bepis (or Bconf)

    Raises
    ------
    ValueError
        If a table lacks the fields.

    Examples
    --------
    >>> import numpy as np
    >>> from adaptive_calib.calibration import read_result
    >>> old = np.array([(0.1, False), (0.8, True)], [("Bemd", float), ("Bconf", bool)])
    >>> read_result({1.0: old})[1.0]["Bepis"].tolist()
    [False, True]
    """
    read: CalibrateResult = {}
    for c, table in result.items():
        rows = np.asarray(table)
        names = rows.dtype.names or ()
        label = next((name for name in ("Bepis", "Bconf") if name in names), None)
        if "Bemd" not in names or label is None:
            raise ValueError(f"a table at c={c} should have the fields Bemd and Bepis, but has {list(names)}.")
        new = np.empty(rows.shape, calib_point_dtype)
        new["Bemd"], new["Bepis"] = rows["Bemd"], rows[label]
        read[float(c)] = new
    return read
