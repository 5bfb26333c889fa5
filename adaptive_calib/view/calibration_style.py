"""Colours and words shared by the two drawings of a calibration.

Colours of c run along viridis without its lightest part: dark violet for small (sharp) c to green for large c; readable
with every common colour blindness and in grey. Areas and labels use the Okabe-Ito set (vermilion, blue, orange).
"""

from __future__ import annotations

import numpy as np

from adaptive_calib.calibration.slope import Status

__all__ = [
    "ACCEPTABLE",
    "BEMD",
    "DISCOURAGED",
    "INK",
    "LOST",
    "PROHIBITED",
    "SHARE",
    "STATUS_WORDS",
    "WON",
    "c_colors",
]

PROHIBITED = "#D55E00"
DISCOURAGED = "#8A8A8A"
ACCEPTABLE = "#0072B2"
WON = "#0072B2"
LOST = "#E69F00"
INK = "#2B2B2B"

BEMD = "confidence B_EMD"
SHARE = "share of experiments with B_epis = 1"
STATUS_WORDS = {Status.ACCEPTABLE: "acceptable", Status.UNDECIDED: "undecided", Status.NOT_ACCEPTABLE: "not acceptable"}

# viridis at 0, 1/8 ... 7/8, where it is still dark enough on white
_ANCHORS = ("440154", "472d7b", "3b528b", "2c728e", "21918c", "28ae80", "5ec962", "8fd744")


def c_colors(n: int) -> list[str]:
    """Return `n` colours, dark to light, as "#rrggbb"."""
    anchors = np.array([[int(code[i : i + 2], 16) for i in (0, 2, 4)] for code in _ANCHORS], dtype=float)
    places = np.linspace(0, len(_ANCHORS) - 1, n) if n != 1 else np.array([2.0])
    channels = [np.interp(places, np.arange(len(_ANCHORS)), anchors[:, i]) for i in range(3)]
    return ["#" + "".join(f"{round(float(channel)):02x}" for channel in rgb) for rgb in zip(*channels, strict=True)]
