"""`CalibrationView`: the results of a calibration, ready to be drawn by HoloViews or Matplotlib.

The numbers come from `adaptive_calib.view.calibration_numbers`; the drawings are functions of these numbers in
`calibration_holoviews` and `calibration_matplotlib`, each imported when it is first used.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from os import PathLike
from typing import Any

from adaptive_calib.calibration.interval import AcceptableInterval
from adaptive_calib.view.calibration_numbers import CalibrationData, calibration_data

__all__ = ["CalibrationView"]


@dataclass(frozen=True)
class CalibrationView:
    """A calibration, ready to be drawn.

    Parameters
    ----------
    results : mapping c -> table
        See `calibration_data`, as for the other parameters.
    counts, interval, recommended, status, target_bin_size, alpha
        Keyword only.

    Examples
    --------
    >>> import numpy as np
    >>> from adaptive_calib.calibration import calib_point_dtype
    >>> from adaptive_calib.view import CalibrationView
    >>> rng = np.random.default_rng(1)
    >>> table = np.empty(200, calib_point_dtype)
    >>> table["Bemd"] = rng.random(200)
    >>> table["Bepis"] = rng.random(200) < table["Bemd"]
    >>> path = CalibrationView({1.0: table}).save_png("view-example.png")
    """

    results: Mapping[float, Any]
    _: KW_ONLY
    counts: Mapping[float, int] | None = None
    interval: AcceptableInterval | None = None
    recommended: float | None = None
    status: Mapping[float, int] | None = None
    target_bin_size: int | None = None
    alpha: float = 0.05

    def data(self) -> CalibrationData:
        """Return the numbers of all panels."""
        return calibration_data(
            self.results,
            counts=self.counts,
            interval=self.interval,
            recommended=self.recommended,
            status=self.status,
            target_bin_size=self.target_bin_size,
            alpha=self.alpha,
        )

    def holoviews(self, *, each_c: bool = True) -> Any:
        """Return a HoloViews layout with options for bokeh; with ``each_c=False`` without panels for each c."""
        from adaptive_calib.view.calibration_holoviews import layout

        return layout(self.data(), each_c=each_c)

    def matplotlib(self) -> Any:
        """Return a Matplotlib figure, outside pyplot's care: nothing has to be closed."""
        from adaptive_calib.view.calibration_matplotlib import figure

        return figure(self.data())

    def save_png(self, path: str | PathLike[str], *, dpi: float = 150) -> None:
        """Draw with Matplotlib into a file; its ending chooses the format (png, pdf, svg)."""
        self.matplotlib().savefig(path, dpi=dpi)

    def save_html(self, path: str | PathLike[str], *, title: str = "Calibration") -> None:
        """Write one HTML file that needs no network: bokeh's scripts are inside."""
        from adaptive_calib.view.calibration_holoviews import html

        with open(path, "w", encoding="utf-8") as file:
            file.write(html(self.data(), title))
