"""Models of a user, importable on the nodes: is a decay exponential or a power law? Each drawn experiment is noted."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from functools import partial

import numpy as np

from adaptive_calib.calibration import EpistemicDist, Experiment, Stream, stream

#: The pages ask for thousands of experiments; the tests have a minute.
ENOUGH = 24


def exponential(scale, seed, L):
    """Waiting times of a memoryless decay."""
    return np.random.default_rng(seed).exponential(scale, L)


def lomax(scale, seed, L):
    """Waiting times with a heavy tail and the same scale."""
    return np.random.default_rng(seed).pareto(3.0, L) * 2 * scale


LAWS = {"exponential": exponential, "lomax": lomax}


def draw(law, scale, seed, L):
    """Draw a data set."""
    return LAWS[law](scale, seed, L)


def simulate(law, scale, seed, data):
    """Draw a synthetic data set of the size of `data`."""
    return LAWS[law](scale, seed, len(data))


def loss(law, scale, data):
    """Negative log likelihood of each point."""
    if law == "exponential":
        return np.log(scale) + data / scale
    return np.log(2 * scale / 3) + 4 * np.log1p(data / (2 * scale))


@dataclass(frozen=True)
class _Decays(EpistemicDist):
    """One of two laws of decay, with the scale as it may be."""

    def draw(self, index):
        """Draw experiment `index` and note it in the file that the test counts."""
        with open(os.environ["DRAWN"], "a", encoding="utf-8") as file:
            file.write(f"{index}\n")
        time.sleep(float(os.environ.get("SECONDS_TO_DRAW", "0")))
        rng = np.random.default_rng(stream(1, index, Stream.PARAMETERS))
        truth, scale = rng.choice(list(LAWS)), rng.uniform(0.5, 2)
        fitted = float(draw(truth, scale, stream(1, index, Stream.FIT_DATA), 300).mean())
        return Experiment(
            data_model=partial(draw, truth, scale, stream(1, index, Stream.OBSERVED_DATA)),
            candidateA=partial(simulate, "exponential", fitted, stream(1, index, Stream.SYNTHETIC_A)),
            candidateB=partial(simulate, "lomax", fitted, stream(1, index, Stream.SYNTHETIC_B)),
            QA=partial(loss, "exponential", fitted),
            QB=partial(loss, "lomax", fitted),
        )


def Decays(N):
    """Return the distribution, with at most `ENOUGH` experiments."""
    return _Decays(N=min(N, ENOUGH))
