"""Representation of the results of a calibration in notebooks and terminals; formatted by `adaptive_calib.view`."""

from __future__ import annotations

from typing import Any

from adaptive_calib.learner import _familiar_methods

__all__ = ["NotebookRepr"]


class NotebookRepr:
    """Mixin of results: HTML in a notebook, lines of text in a terminal."""

    def _repr_html_(self) -> str:
        return str(_familiar_methods.view("calibration_html").html(self))

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        text = _familiar_methods.view("calibration_result").text(self)
        return {"text/plain": text, "text/html": self._repr_html_()}
