"""Small distributions over experiments that cost next to nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from adaptive_calib.calibration import EpistemicDist, Experiment, Stream, stream

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Normal:
    """Draws L points of N(mean, sd²); a fresh generator for each call."""

    mean: float
    sd: float
    entropy: int
    index: int
    purpose: Stream

    def __call__(self, L: int) -> Array:
        return np.random.default_rng(stream(self.entropy, self.index, self.purpose)).normal(self.mean, self.sd, L)

    def block(self, n0: int, n1: int) -> Array:
        seed = stream(self.entropy, self.index, Stream.INFINITE_DATA, n0)
        return np.random.default_rng(seed).normal(self.mean, self.sd, n1 - n0)

    def like(self, data: Array) -> Array:
        return self(len(data))


@dataclass(frozen=True)
class NormalLoss:
    """Negative log-likelihood of N(mean, 1), up to a constant."""

    mean: float

    def __call__(self, data: Array) -> Array:
        return 0.5 * (data - self.mean) ** 2


@dataclass(frozen=True)
class Gaussians(EpistemicDist):
    """True model N(μ, 1.2²), candidates N(−½, 1) and N(½, 1); μ is the only unknown."""

    entropy: int = 1
    spread: float = 0.4
    blocks: bool = False
    failing: frozenset[int] = field(default=frozenset(), metadata={"identity": False})

    def draw(self, index: int) -> Experiment:
        if index in self.failing:
            raise RuntimeError(f"experiment {index} fails")
        mean = float(np.random.default_rng(stream(self.entropy, index, Stream.PARAMETERS)).normal(0, self.spread))
        true = Normal(mean, 1.2, self.entropy, index, Stream.OBSERVED_DATA)
        a = Normal(-0.5, 1.0, self.entropy, index, Stream.SYNTHETIC_A)
        b = Normal(0.5, 1.0, self.entropy, index, Stream.SYNTHETIC_B)
        return Experiment(true, a.like, b.like, NormalLoss(-0.5), NormalLoss(0.5), true.block if self.blocks else None)


@dataclass(frozen=True)
class Iterated(EpistemicDist):
    """The same as `Gaussians`, but it can only be iterated, and its candidates share a generator that has a state."""

    def __iter__(self) -> Iterator[Experiment]:
        for index in range(int(self.N)):
            plain = Gaussians(self.N).draw(index)
            rng = np.random.default_rng(index)

            def stateful(mean: float, rng: np.random.Generator = rng) -> Callable[[Array], Array]:
                return lambda data: rng.normal(mean, 1.0, len(data))

            yield Experiment(plain.data_model, stateful(-0.5), stateful(0.5), plain.QA, plain.QB)
