"""`calibration_plot`: emdcmp's familiar call for calibration curves, with the same names for what it gives.

The points are those of `calibration.bins.calibration_hists`. For all panels, with bands, use `view.calibration`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import holoviews as hv
import numpy as np

from adaptive_calib._arrays import Floats, Ints
from adaptive_calib.calibration.bins import calibration_bins, calibration_hists
from adaptive_calib.calibration.pairs import as_pairs, table_columns
from adaptive_calib.view.calibration_holoviews import areas, with_matplotlib
from adaptive_calib.view.calibration_numbers import c_label
from adaptive_calib.view.calibration_style import LOST, WON, c_colors

__all__ = ["CalibrationPlotElements", "calibration_bins", "calibration_hists", "calibration_plot"]


@dataclass(frozen=True)
class CalibrationPlotElements:
    """The elements of a calibration plot.

    Displayed in a notebook it shows the areas and the curves of all c. Combine the parts at will:
    ``plot.prohibited_areas * plot.discouraged_areas * plot.overlayed_scatters``.

    Attributes
    ----------
    calibration_curves : hv.HoloMap
        For each c a curve of mean B_epis against mean B_EMD.
    prohibited_areas, discouraged_areas : hv.Overlay
        Where the criterion is over-confident, and where it is on the wrong side.
    Bemd_hist_data, Bepis_hist_data : dict c -> (counts, edges)
        Histograms of B_EMD (32 cells over [0, 1]) and of B_epis (two cells: 0 and 1).
    experiment_idcs : dict c -> list of int arrays
        For each point of a curve the indices of its experiments.

    Examples
    --------
    >>> import numpy as np
    >>> from adaptive_calib.calibration import calib_point_dtype
    >>> from adaptive_calib.view import calibration_plot
    >>> rng = np.random.default_rng(1)
    >>> table = np.empty(200, calib_point_dtype)
    >>> table["Bemd"] = rng.random(200)
    >>> table["Bepis"] = rng.random(200) < table["Bemd"]
    >>> plot = calibration_plot({1.0: table})
    >>> list(plot.calibration_curves.keys())
    [1.0]
    """

    calibration_curves: Any
    prohibited_areas: Any
    discouraged_areas: Any
    Bemd_hist_data: dict[float, tuple[Ints, Floats]]
    Bepis_hist_data: dict[float, tuple[Ints, Floats]]
    experiment_idcs: dict[float, list[Ints]]

    @property
    def lines(self) -> Any:
        """The curves as lines: a HoloMap over c."""
        return self.calibration_curves

    @property
    def scatters(self) -> Any:
        """The curves as points: a HoloMap over c."""
        colors = c_colors(len(self.experiment_idcs))
        points = {}
        for color, c in zip(colors, self.experiment_idcs, strict=True):
            curve = self.calibration_curves[c]
            element = hv.Scatter(curve.data, curve.kdims, curve.vdims, label=curve.label)
            points[c] = with_matplotlib(element.opts(hv.Options(color=color, size=6, backend="bokeh")), color=color)
        return hv.HoloMap(points, kdims="c")

    @property
    def overlayed_lines(self) -> Any:
        """The lines of all c in one overlay, with a legend."""
        return hv.Overlay(list(self.lines.values()))

    @property
    def overlayed_scatters(self) -> Any:
        """The points of all c in one overlay, with a legend."""
        return hv.Overlay(list(self.scatters.values()))

    @property
    def Bemd_hists(self) -> Any:
        """Histograms of B_EMD: a HoloMap over c."""
        return self._hists(self.Bemd_hist_data, "Bemd", WON)

    @property
    def Bepis_hists(self) -> Any:
        """Histograms of B_epis: a HoloMap over c."""
        return self._hists(self.Bepis_hist_data, "Bepis", LOST)

    def select(self, c: float | list[float] | tuple[float, float]) -> CalibrationPlotElements:
        """Return the same for some c only: one value, a list of values, or a range ``(low, high)``, both included."""
        known = list(self.experiment_idcs)
        if isinstance(c, tuple):
            chosen = [value for value in known if c[0] <= value <= c[1]]
        else:
            wanted = c if isinstance(c, list) else [c]
            chosen = [value for value in known if value in wanted]
        if not chosen:
            raise ValueError(f"no curve for c = {c!r}; there are curves for {known}.")
        curves = {value: self.calibration_curves[value] for value in chosen}
        return replace(
            self,
            calibration_curves=hv.HoloMap(curves, kdims="c"),
            Bemd_hist_data={value: self.Bemd_hist_data[value] for value in chosen},
            Bepis_hist_data={value: self.Bepis_hist_data[value] for value in chosen},
            experiment_idcs={value: self.experiment_idcs[value] for value in chosen},
        )

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> Any:
        return (self.prohibited_areas * self.discouraged_areas * self.overlayed_lines)._repr_mimebundle_(
            include, exclude
        )

    @staticmethod
    def _hists(data: dict[float, tuple[Ints, Floats]], name: str, color: str) -> Any:
        hists = {c: hv.Histogram((edges, counts), kdims=[name]) for c, (counts, edges) in data.items()}
        options = hv.Options(color=color, line_width=0, backend="bokeh")
        drawn = {c: with_matplotlib(hist.opts(options), color=color, linewidth=0) for c, hist in hists.items()}
        return hv.HoloMap(drawn, kdims="c")


def calibration_plot(calib_results: Mapping[float, Any], target_bin_size: int | None = None) -> CalibrationPlotElements:
    """Return the elements of a calibration plot.

    Parameters
    ----------
    calib_results : mapping c -> table
        For each c a structured array with fields Bemd and Bepis (or Bconf), as a calibration task returns it.
    target_bin_size : int, optional
        Number of experiments over which each point is averaged, approximately; see `calibration.bins.get_bin_sizes`.

    Raises
    ------
    ValueError
        If there is no c.

    Examples
    --------
    >>> import numpy as np
    >>> from adaptive_calib.calibration import calib_point_dtype
    >>> from adaptive_calib.view import calibration_plot
    >>> rng = np.random.default_rng(1)
    >>> table = np.empty(200, calib_point_dtype)
    >>> table["Bemd"] = rng.random(200)
    >>> table["Bepis"] = rng.random(200) < table["Bemd"]
    >>> plot = calibration_plot({1.0: table})
    >>> sorted(plot.Bemd_hist_data)
    [1.0]
    """
    if not calib_results:
        raise ValueError(
            "the calibration results should hold a table of (Bemd, Bepis) for at least one c, but are empty."
        )
    results = {float(c): calib_results[c] for c in sorted(calib_results)}
    curve_data, experiment_idcs = calibration_hists(results, target_bin_size)
    colors = c_colors(len(results))
    curves, bemd, bepis = {}, {}, {}
    for color, (c, table) in zip(colors, results.items(), strict=True):
        line = hv.Curve(curve_data[c], "Bemd", "Bepis", label=f"c = {c_label(c)}")
        curves[c] = with_matplotlib(line.opts(hv.Options(color=color, line_width=2, backend="bokeh")), color=color)
        pairs = as_pairs(*table_columns(table))
        bemd[c] = _histogram(pairs.bemd, np.linspace(0, 1, 33))
        bepis[c] = _histogram(pairs.hits, np.array([0, 0.5, 1.0]))
    prohibited, discouraged = areas(words=False)
    return CalibrationPlotElements(hv.HoloMap(curves, kdims="c"), prohibited, discouraged, bemd, bepis, experiment_idcs)


def _histogram(values: Floats, edges: Floats) -> tuple[Ints, Floats]:
    return np.histogram(values, edges)[0].astype(np.int64), edges
