"""The samples of a noisy function at one place, and the error of their mean."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

from scipy.special import stdtrit

__all__ = ["SeedAndX", "Site", "seed_and_x", "student_quantile"]

#: (seed, x)
SeedAndX = tuple[int, float]


def seed_and_x(point: Any) -> SeedAndX:
    """Return a point as an int and a number; TypeError if it is no such pair."""
    try:
        seed, x = point
        if type(seed) is int and type(x) is float:
            return seed, x
        return int(seed), x if isinstance(x, int) else float(x)
    except (TypeError, ValueError):
        raise TypeError(f"a point should be a pair (seed, x), but came {point!r}.") from None


@lru_cache(maxsize=100_000)
def student_quantile(alpha: float, m: int) -> float:
    """Return the quantile t_{1-α, m-1} of Student's distribution; 0 from α = 1/2 on, where it would be negative."""
    return float(stdtrit(m - 1, 1 - alpha)) if alpha < 0.5 else 0.0


class Site:
    """The samples at one x and their running moments."""

    __slots__ = ("failed", "known_error", "m2", "mean", "next_seed", "pending", "samples", "u", "valid")

    def __init__(self) -> None:
        self.samples: dict[int, float] = {}
        self.pending: set[int] = set()
        self.failed: set[int] = set()
        self.next_seed = 0
        # coordinate; None outside the bounds and before the first sample
        self.u: float | None = None
        self.valid = 0
        self.mean = math.nan
        self.m2 = 0.0
        # (alpha, error for it); no alpha is NaN, so that what was computed before the last sample is not used
        self.known_error = math.nan, math.inf

    def add(self, seed: int, y: float) -> None:
        """Take in a sample; `seed` is new."""
        self.samples[seed] = y
        self.pending.discard(seed)
        self.failed.discard(seed)
        if not math.isfinite(y):
            return
        self.valid += 1
        self.known_error = math.nan, math.inf
        if self.valid == 1:
            self.mean = y
            return
        d = y - self.mean
        self.mean += d / self.valid
        self.m2 += d * (y - self.mean)

    def seeds(self, n: int) -> list[int]:
        """Return the next n seeds that are neither observed nor pending nor failed; no change."""
        found: list[int] = []
        seed = self.next_seed
        while len(found) < n:
            if seed not in self.samples and seed not in self.pending and seed not in self.failed:
                found.append(seed)
            seed += 1
        return found

    def take(self, seeds: list[int]) -> None:
        """Make seeds pending, those of `seeds()`."""
        self.pending.update(seeds)
        self.next_seed = seeds[-1] + 1

    def error(self, alpha: float) -> float:
        """Return the half-width of the confidence interval of the mean; infinite with fewer than two valid samples."""
        if self.known_error[0] != alpha:
            m = self.valid
            width = student_quantile(alpha, m) * math.sqrt(self.m2 / (m - 1) / m) if m > 1 else math.inf
            self.known_error = alpha, width
        return self.known_error[1]
