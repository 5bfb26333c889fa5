"""What a notebook and a terminal show of the results of a calibration; written in `adaptive_calib.view`."""

from __future__ import annotations

from typing import Any

from adaptive_calib.learner import _familiar_methods

__all__ = ["Shown"]


class Shown:
    """A result that is shown as a small table: HTML in a notebook, lines of text in a terminal."""

    def _repr_html_(self) -> str:
        return str(_familiar_methods.view("calibration_html").html(self))

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        view = _familiar_methods.view("calibration_html")
        return {"text/plain": view.text(self), "text/html": view.html(self)}
