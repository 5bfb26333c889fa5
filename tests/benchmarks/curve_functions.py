"""Functions of one number with which learners of curves are compared, and grids on which errors are measured.

`NAMED` are those with which `Learner1D(mode="auto")` was made; `HELD_OUT` were not looked at until it was finished, but
a constant was chosen with a look at them since. `DRAWN` are drawn from families with random parameters, and were
measured once: nothing may be tuned on them.
The error of an interpolant is its largest distance from the function on `CurveFunction.grid`, as a fraction of the
range of the function there.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import special

__all__ = ["DRAWN", "HELD_OUT", "NAMED", "CurveFunction", "drawn"]


@dataclass(frozen=True)
class CurveFunction:
    """One function.

    Attributes
    ----------
    name
        As in the tables.
    formula
        Takes and returns arrays of shape (n,).
    bounds
        Ends of the domain.
    features
        Places and widths of peaks, breaks and singular points: the grid is finer there.
    """

    name: str
    formula: Callable[[Any], Any]
    bounds: tuple[float, float] = (-1.0, 1.0)
    features: tuple[tuple[float, float], ...] = ()

    def __call__(self, x: float) -> float:
        """Return the value at one point."""
        return float(self.formula(np.array([float(x)]))[0])

    def grid(self) -> Any:
        """Return the places at which errors are measured, ascending: 4001 equally spaced, 241 around each feature."""
        a, b = self.bounds
        parts = [np.linspace(a, b, 4001)]
        for place, width in self.features:
            # irrational factors: no grid point falls on a point of a learner by design
            steps = width * np.geomspace(1e-3, 60.0, 120)
            parts += [place - steps, place + steps, np.array([place + 1e-3 * np.pi * width])]
        grid = np.unique(np.concatenate(parts))
        return grid[(grid >= a) & (grid <= b)]


def _bell(place: float, width: float) -> Callable[[Any], Any]:
    return lambda x: np.exp(-0.5 * ((x - place) / width) ** 2)


def _resonance(place: float, width: float) -> Callable[[Any], Any]:
    return lambda x: width**2 / (width**2 + (x - place) ** 2)


_COMB = [(-0.83, 3e-3), (-0.61, 8e-3), (-0.37, 5e-3), (-0.12, 1e-2), (0.09, 4e-3), (0.33, 7e-3), (0.58, 2e-3),
         (0.81, 6e-3)]  # fmt: skip


def _comb(x: Any) -> Any:
    return sum((1 + 0.3 * np.cos(7 * place)) * _resonance(place, width)(x) for place, width in _COMB)


def _three(x: Any) -> Any:
    return _bell(-0.53, 0.2)(x) + 0.7 * _bell(0.12, 0.03)(x) + 0.5 * _bell(0.61, 0.008)(x)


NAMED: tuple[CurveFunction, ...] = (
    CurveFunction("Runge", lambda x: 1 / (1 + 25 * x**2)),
    CurveFunction("exp(x) cos 4x", lambda x: np.exp(x) * np.cos(4 * x)),
    CurveFunction("sin 20x", lambda x: np.sin(20 * x)),
    CurveFunction("sin 150x", lambda x: np.sin(150 * x)),
    CurveFunction("sin 1/(x + 0.02)", lambda x: np.sin(1 / (x + 0.02)), (0.0, 1.0), ((0.0, 0.01),)),
    CurveFunction("resonance 1e-2", _resonance(0.3123, 1e-2), features=((0.3123, 1e-2),)),
    CurveFunction("resonance 1e-4", _resonance(0.3123, 1e-4), features=((0.3123, 1e-4),)),
    CurveFunction("resonance 1e-5", _resonance(0.3123, 1e-5), features=((0.3123, 1e-5),)),
    CurveFunction("x + resonance 1e-3", lambda x: x + _resonance(0.1, 1e-3)(x), features=((0.1, 1e-3),)),
    CurveFunction("eight resonances", _comb, features=tuple(_COMB)),
    CurveFunction("bell 1e-2", _bell(0.3123, 1e-2), features=((0.3123, 1e-2),)),
    CurveFunction("three unlike bells", _three, features=((-0.53, 0.2), (0.12, 0.03), (0.61, 0.008))),
    CurveFunction("tanh 1000x", lambda x: np.tanh(1000 * (x - 0.1234)), features=((0.1234, 1e-3),)),
    CurveFunction("exp(x) + 1e6", lambda x: np.exp(x) + 1e6),
    CurveFunction("|x|^3", lambda x: np.abs(x - 0.0317) ** 3, features=((0.0317, 1e-2),)),
    CurveFunction("|x|", lambda x: np.abs(x - 0.1234), features=((0.1234, 1e-2),)),
    CurveFunction(
        "max(sin 3x, 1/2)",
        lambda x: np.maximum(np.sin(3 * x), 0.5),
        features=((np.pi / 18, 1e-3), (5 * np.pi / 18, 1e-3)),
    ),
    CurveFunction("step", lambda x: (x > 0.1234) * 1.0),
    CurveFunction("sin 5x + step", lambda x: np.sin(5 * x) + (x > 0.1234)),
    CurveFunction("sqrt x", np.sqrt, (0.0, 1.0), ((0.0, 1e-4),)),
    CurveFunction("semicircle", lambda x: np.sqrt(1 - x**2), features=((-1.0, 1e-4), (1.0, 1e-4))),
    CurveFunction("cusp", lambda x: np.sqrt(np.abs(x - 0.1234)), features=((0.1234, 1e-4),)),
    CurveFunction("x log x", lambda x: special.xlogy(x, x), (0.0, 1.0), ((0.0, 1e-4),)),
)

HELD_OUT: tuple[CurveFunction, ...] = (
    CurveFunction("Bessel J0(40x)", lambda x: special.j0(40 * x), (0.0, 1.0)),
    CurveFunction("Airy", lambda x: special.airy(x)[0], (-15.0, 5.0)),
    CurveFunction("chirp cos 60x^2", lambda x: np.cos(60 * x**2)),
    CurveFunction("two resonances", lambda x: _resonance(-0.41, 2e-3)(x) + 0.4 * _resonance(-0.38, 4e-3)(x),
                  features=((-0.41, 2e-3), (-0.38, 4e-3))),
    CurveFunction("Fano", lambda x: (x - 0.207 + 6e-3) ** 2 / ((x - 0.207) ** 2 + 9e-6), features=((0.207, 3e-3),)),
    CurveFunction("sin 6x + resonance", lambda x: np.sin(6 * x) + _resonance(0.57, 3e-3)(x), features=((0.57, 3e-3),)),
    CurveFunction("arctan 200x", lambda x: np.arctan(200 * (x + 0.23)), features=((-0.23, 5e-3),)),
    CurveFunction("erf 30x", lambda x: special.erf(30 * (x - 0.41)), features=((0.41, 0.03),)),
    CurveFunction("sech 50x", lambda x: 1 / np.cosh(50 * (x - 0.17)), features=((0.17, 0.02),)),
    CurveFunction("boundary layer", lambda x: np.exp(-x / 1e-3) + x**2, (0.0, 1.0), ((0.0, 1e-3),)),
    CurveFunction("log(1e-3 + x)", lambda x: np.log(1e-3 + x), (0.0, 1.0), ((0.0, 1e-3),)),
    CurveFunction("x^(1/3)", lambda x: np.cbrt(x), (0.0, 1.0), ((0.0, 1e-4),)),
    CurveFunction("x^2.5", lambda x: x**2.5, (0.0, 1.0), ((0.0, 1e-2),)),
    CurveFunction("triangle wave", lambda x: 2 / np.pi * np.arcsin(np.sin(7 * x + 0.4)),
                  features=tuple(((np.pi * (k + 0.5) - 0.4) / 7, 1e-3) for k in range(-3, 3))),
    CurveFunction("cos 4x, sign changed at 0.3712", lambda x: np.cos(4 * x) * np.where(x > 0.371234, -1.0, 1.0)),
    CurveFunction("polynomial of degree 5", lambda x: x**5 - x**3 + 0.3 * x),
    CurveFunction("softplus 40x", lambda x: np.logaddexp(0.0, 40 * (x + 0.11)) / 40, features=((-0.11, 0.025),)),
    CurveFunction("Planck", lambda x: x**3 / np.expm1(x), (0.05, 20.0)),
    CurveFunction("tan 1.5x", lambda x: np.tan(1.5 * x)),
    CurveFunction("sinc 30x", lambda x: np.sinc(30 * x / np.pi)),
    CurveFunction("two bells", lambda x: _bell(-0.35, 0.05)(x) - 0.6 * _bell(0.4, 0.09)(x),
                  features=((-0.35, 0.05), (0.4, 0.09))),
    CurveFunction("quadratic, then flat", lambda x: np.maximum(x - 0.29, 0.0) ** 2, features=((0.29, 1e-2),)),
)  # fmt: skip


def drawn(seed: int) -> tuple[CurveFunction, ...]:
    """Return one function of each of ten families on (-1, 1), with parameters drawn by a generator of this seed."""
    rng = np.random.default_rng(seed)

    def places(n: int) -> list[float]:
        return [float(x) for x in np.sort(rng.uniform(-0.9, 0.9, n))]

    def around(centres: list[float], widths: list[float]) -> tuple[tuple[float, float], ...]:
        return tuple(zip(centres, widths, strict=True))

    rate, phase = float(rng.uniform(8, 60)), float(rng.uniform(0, 6))
    waves = CurveFunction(f"wave {rate:.0f}x", lambda x: np.exp(0.5 * x) * np.sin(rate * x + phase))
    terms = rng.normal(size=(2, 8)) / (1 + np.arange(8))
    k = np.pi * np.arange(1, 9)
    series = CurveFunction(
        "Fourier series", lambda x: np.cos(np.outer(x, k)) @ terms[0] + np.sin(np.outer(x, k)) @ terms[1]
    )
    poles, half = places(3), [float(w) for w in 10 ** rng.uniform(-3.5, -1.5, 3)]
    heights = rng.uniform(0.3, 1, 3) * rng.choice([-1, 1], 3)
    spectrum = CurveFunction(
        "three resonances on a slope",
        lambda x: x + sum(h * _resonance(p, w)(x) for h, p, w in zip(heights, poles, half, strict=True)),
        features=around(poles, half),
    )
    centres, widths = places(2), [float(w) for w in 10 ** rng.uniform(-2, -0.7, 2)]
    bells = CurveFunction(
        "two bells on a wave",
        lambda x: 0.2 * np.cos(3 * x) + _bell(centres[0], widths[0])(x) - 0.5 * _bell(centres[1], widths[1])(x),
        features=around(centres, widths),
    )
    fronts, steep = places(2), [float(w) for w in 10 ** rng.uniform(-3, -1, 2)]
    layers = CurveFunction(
        "two fronts",
        lambda x: np.tanh((x - fronts[0]) / steep[0]) + 0.4 * np.tanh((x - fronts[1]) / steep[1]),
        features=around(fronts, steep),
    )
    ends = [float(w) for w in 10 ** rng.uniform(-3, -1, 2)]
    edges = CurveFunction(
        "layers at both ends",
        lambda x: np.exp(-(x + 1) / ends[0]) + 0.5 * np.exp((x - 1) / ends[1]) + 0.3 * x,
        features=((-1.0, ends[0]), (1.0, ends[1])),
    )
    power = float(rng.uniform(0.2, 1.8))
    end = CurveFunction(
        f"(1 + x)^{power:.2f} cos 2x", lambda x: (1 + x) ** power * np.cos(2 * x), features=((-1.0, 1e-4),)
    )
    inner, (cusp,) = float(rng.uniform(0.4, 1.6)), places(1)
    inside = CurveFunction(
        f"|x - c|^{inner:.2f} + x", lambda x: np.abs(x - cusp) ** inner + x, features=((cusp, 1e-4),)
    )
    slopes, kinks = rng.normal(size=2), places(2)
    broken = CurveFunction(
        "two kinks on a wave",
        lambda x: np.sin(4 * x) + slopes[0] * np.abs(x - kinks[0]) + slopes[1] * np.maximum(x - kinks[1], 0),
        features=tuple((kink, 1e-3) for kink in kinks),
    )
    jumps = places(2)
    steps = CurveFunction("two steps on a wave", lambda x: np.cos(3 * x) + (x > jumps[0]) - 0.6 * (x > jumps[1]))
    found = (waves, series, spectrum, bells, layers, edges, end, inside, broken, steps)
    return tuple(dataclasses.replace(f, name=f"{f.name}, seed {seed}") for f in found)


DRAWN: tuple[CurveFunction, ...] = (*drawn(71001), *drawn(71002))
