"""A change of variable that resolves a singularity at one end of an interval.

    x(t) = e + l t^p,      0 <= t <= 1,      integral of f(x) dx = integral of f(x(t)) p |l| t^(p - 1) dt

with the end e, the signed length l and p = 8. What behaves like |x - e|^s, or such a power times a logarithm, has p - 1
+ p s derivatives more in t: x^(-1/2) becomes the polynomial t^3, and ln x becomes t^7 ln t.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["EndMap"]

#: The exponent p. 4 leaves x^(-1/2) ln x visible at a tolerance of 1e-9; 16 spends more nodes on the other end.
POWER = 8


@dataclass(frozen=True)
class EndMap:
    """The map x(t).

    Attributes
    ----------
    end : float
        e, the end with the singularity.
    length : float
        l, the other end minus e.
    other : float
        The other end, exactly.
    """

    end: float
    length: float
    other: float

    #: The t of the end beside which nodes lie as dense as they need to.
    start = 0.0

    @property
    def descending(self) -> bool:
        """Whether x falls as t grows."""
        return self.length < 0

    def x(self, t: float) -> float:
        """Return x(t)."""
        if t == 1.0:
            return self.other
        return self.end + self.length * float(t**POWER)

    def t(self, x: float) -> float:
        """Return the t of an x in the interval."""
        share = (x - self.end) / self.length
        return float(min(max(share, 0.0), 1.0) ** (1.0 / POWER))

    def slope(self, t: float) -> float:
        """Return |dx/dt|."""
        return POWER * abs(self.length) * float(t ** (POWER - 1))
