"""Public integrands of one number with their exact integrals, and the rules of SciPy as peers.

The fixed functions are Kahaner's 21 and the four that Gonnet added to them; the families have random parameters, drawn
from a seeded generator: Lyness and Kaganove's six as in Gonnet's thesis, Genz's six in one dimension, and narrow bells
and tents on a constant background, which no rule sees by its first nodes.

Sources: D. K. Kahaner, Comparison of numerical quadrature formulas (1971); P. Gonnet, ACM TOMS 37 (2010) 26; A. Genz,
Testing multidimensional integration routines (1984).
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise, product
from typing import Any

import numpy as np
from scipy import integrate

#: Errors above this times the tolerance, relative to the integral, make a claim false.
WRONG = 10.0


@dataclass(frozen=True)
class Integrand:
    """A function with a known integral.

    Attributes
    ----------
    name, family : str
        What it is, and the set that it belongs to.
    function : callable
        Takes a number or an array.
    a, b : float
        The bounds.
    exact : float
        The integral, to 12 digits.
    singular : bool
        Whether the function or its derivative is infinite at a bound.
    """

    name: str
    family: str
    function: Callable[[Any], Any] = field(repr=False)
    a: float
    b: float
    exact: float
    singular: bool = False


@np.errstate(over="ignore")  # 1/cosh^6 of large arguments is 0
def reference(function: Callable[[Any], Any], a: float, b: float, *breaks: float) -> float:
    """Return an integral to 12 digits: Gauss-Legendre in panels that shrink by 2 towards each break and both ends."""
    nodes, weights = np.polynomial.legendre.leggauss(40)
    ends = sorted({a, b, *(x for x in breaks if a < x < b)})
    total = 0.0
    for left, right in pairwise(ends):
        half = (right - left) / 2
        steps = half * 2.0 ** -np.arange(0, 60)
        edges = np.concatenate([[left], left + steps[::-1], right - steps[1:], [right]])
        for low, high in pairwise(edges):
            if high > low:
                x = (low + high) / 2 + (high - low) / 2 * nodes
                total += float(weights @ function(x)) * (high - low) / 2
    return total


def _kahaner() -> Iterator[tuple[Callable[[Any], Any], float, float, tuple[float, ...], float | None]]:
    """Yield function, bounds, breaks and (where it has a closed form) integral of each fixed function."""
    pi = np.pi
    yield np.exp, 0, 1, (), math.e - 1
    yield lambda x: 1.0 * (x >= 0.3), 0, 1, (), 0.7
    yield np.sqrt, 0, 1, (), 2 / 3
    yield lambda x: 23 / 25 * np.cosh(x) - np.cos(x), -1, 1, (), 23 / 25 * 2 * math.sinh(1) - 2 * math.sin(1)
    yield lambda x: 1 / (x**4 + x**2 + 0.9), -1, 1, (), None
    yield lambda x: x * np.sqrt(x), 0, 1, (), 0.4
    yield lambda x: 1 / np.sqrt(x), 0, 1, (), 2.0
    yield lambda x: 1 / (1 + x**4), 0, 1, (), None
    yield lambda x: 2 / (2 + np.sin(10 * pi * x)), 0, 1, (), 2 / math.sqrt(3)
    yield lambda x: 1 / (1 + x), 0, 1, (), math.log(2)
    yield lambda x: 1 / (1 + np.exp(x)), 0, 1, (), None
    yield lambda x: np.where(x == 0, 1.0, x / np.expm1(np.where(x == 0, 1.0, x))), 0, 1, (), None
    yield lambda x: np.sin(100 * pi * x) / (pi * x), 0.1, 1, tuple(np.arange(0.1, 1, 0.02)), None
    yield lambda x: np.sqrt(50) * np.exp(-50 * pi * x**2), 0, 10, (0.1, 0.3), 0.5
    yield lambda x: 25 * np.exp(-25 * x), 0, 10, (), 1 - math.exp(-250)
    yield lambda x: 50 / (pi * (2500 * x**2 + 1)), 0, 10, (), math.atan(500) / math.pi
    yield lambda x: 50 * (np.sin(50 * pi * x) / (50 * pi * x)) ** 2, 0.01, 1, tuple(np.arange(0.02, 1, 0.02)), None
    yield (
        lambda x: np.cos(np.cos(x) + 3 * np.sin(x) + 2 * np.cos(2 * x) + 3 * np.sin(2 * x) + 3 * np.cos(3 * x)),
        0,
        math.pi,
        tuple(np.arange(0.2, 3.1, 0.2)),
        None,
    )
    yield np.log, 0, 1, (), -1.0
    yield lambda x: 1 / (x**2 + 1.005), -1, 1, (), None
    yield (
        lambda x: (
            1 / np.cosh(10 * (x - 0.2)) ** 2 + 1 / np.cosh(100 * (x - 0.4)) ** 4 + 1 / np.cosh(1000 * (x - 0.6)) ** 6
        ),
        0,
        1,
        (0.2, 0.4, 0.6),
        None,
    )
    yield (
        lambda x: 4 * pi**2 * x * np.sin(20 * pi * x) * np.cos(2 * pi * x),
        0,
        1,
        tuple(np.arange(0.05, 1, 0.05)),
        None,
    )
    yield lambda x: 1 / (1 + (230 * x - 30) ** 2), 0, 1, (30 / 230,), None
    yield lambda x: np.floor(np.exp(x)), 0, 3, tuple(math.log(k) for k in range(2, 21)), None
    yield (
        lambda x: (x < 1) * (x + 1) + (x >= 1) * (x <= 3) * (3.0 - x) + (x > 3) * 2.0,
        0,
        5,
        (1.0, 3.0),
        None,
    )


#: Numbers of the fixed functions that are infinite, or have an infinite derivative, at a bound.
_SINGULAR = (3, 6, 7, 19)


def fixed() -> list[Integrand]:
    """Return the fixed functions."""
    found = []
    for number, (function, a, b, breaks, exact) in enumerate(_kahaner(), start=1):
        value = reference(function, a, b, *breaks) if exact is None else exact
        found.append(Integrand(f"f{number}", "Kahaner", function, a, b, value, number in _SINGULAR))
    return found


def families(draws: int, seed: int = 0) -> list[Integrand]:
    """Return `draws` functions of each family."""
    rng = np.random.default_rng(seed)
    found: list[Integrand] = []

    def add(family: str, function: Callable[[Any], Any], a: float, b: float, *breaks: float) -> None:
        found.append(Integrand(f"{family} {len(found)}", family, function, a, b, reference(function, a, b, *breaks)))

    for _ in range(draws):
        u, alpha = rng.random(), -rng.random() / 2
        exact = (u ** (1 + alpha) + (1 - u) ** (1 + alpha)) / (1 + alpha)
        found.append(
            Integrand(
                f"singular inside {len(found)}",
                "singular inside",
                lambda x, u=u, alpha=alpha: np.where(x == u, np.inf, np.abs(np.where(x == u, 1, x - u)) ** alpha),
                0,
                1,
                exact,
            )
        )
        u, alpha = rng.random(), rng.random()
        add("jump", lambda x, u=u, alpha=alpha: (x > u) * np.exp(alpha * x), 0, 1, u)
        u, alpha = rng.random(), 4 * rng.random()
        add("kink", lambda x, u=u, alpha=alpha: np.exp(-alpha * np.abs(x - u)), 0, 1, u)
        u, w = 1 + rng.random(), 10 ** rng.uniform(-6, -3)
        add("one peak", lambda x, u=u, w=w: w / ((x - u) ** 2 + w * w), 1, 2, u)
        us, w = 1 + rng.random(4), 10 ** rng.uniform(-5, -3)
        add("four peaks", lambda x, us=us, w=w: sum(w / ((x - u) ** 2 + w * w) for u in us), 1, 2, *us)
        u = rng.random()
        beta = 10 ** rng.uniform(1.8, 2) / max(u * u, (1 - u) ** 2)
        found.append(
            Integrand(
                f"chirp {len(found)}",
                "chirp",
                lambda x, u=u, beta=beta: 2 * beta * (x - u) * np.cos(beta * (x - u) ** 2),
                0,
                1,
                math.sin(beta * (1 - u) ** 2) - math.sin(beta * u * u),
            )
        )
        u, w = rng.random(), 10 ** rng.uniform(0.5, 2)
        cuts = tuple(np.arange(0, 1, 0.02))
        add("oscillatory", lambda x, u=u, w=w: np.cos(2 * np.pi * u + w * x), 0, 1, *cuts)
        add("product peak", lambda x, u=u, w=w: 1 / (w**-2 + (x - u) ** 2), 0, 1, u)
        add("corner peak", lambda x, w=w: (1 + w * x) ** -2.0, 0, 1)
        add("Gaussian", lambda x, u=u, w=w: np.exp(-((w * (x - u)) ** 2)), 0, 1, u)
        add("continuous", lambda x, u=u, w=w: np.exp(-w * np.abs(x - u)), 0, 1, u)
        add("discontinuous", lambda x, u=u, w=w / 10: np.where(x > u, 0.0, np.exp(w * x)), 0, 1, u)
        u, w = rng.uniform(-0.9, 0.9), 10 ** rng.uniform(-3.5, -1)
        add("bell", lambda x, u=u, w=w: np.exp(-(((x - u) / w) ** 2) / 2), -1, 1, u, u - w, u + w)
        u, w = rng.uniform(-0.9, 0.9), 10 ** rng.uniform(-2, -1)
        base = float(rng.integers(0, 2))
        add("tent", lambda x, u=u, w=w, c=base: c + np.maximum(0, 1 - np.abs(x - u) / w), -1, 1, u, u - w, u + w)
    return found


def infinite(draws: int, seed: int = 0) -> list[Integrand]:
    """Return `draws` functions of each family over an infinite interval, with closed integrals."""
    rng = np.random.default_rng(seed)
    inf = np.inf
    found: list[Integrand] = []

    def add(family: str, function: Callable[[Any], Any], a: float, exact: float) -> None:
        found.append(Integrand(f"{family} {len(found)}", family, function, a, inf, exact))

    for _ in range(draws):
        s, r = rng.uniform(-0.7, 3), 10 ** rng.uniform(-1, 1)
        add("gamma", lambda x, s=s, r=r: np.power(x, s) * np.exp(-r * x), 0, math.gamma(s + 1) / r ** (s + 1))
        w = rng.uniform(1, 6)
        add("damped wave", lambda x, r=r, w=w: np.exp(-r * x) * np.cos(w * r * x), 0, 1 / r / (1 + w * w))
        s = rng.uniform(1.3, 4)
        add("power tail", lambda x, r=r, s=s: (1 + r * x) ** -s, 0, 1 / r / (s - 1))
        add("log", lambda x, r=r: np.log(x) * np.exp(-r * x), 0, -(np.euler_gamma + math.log(r)) / r)
        u, w = rng.normal(), rng.uniform(0.3, 1)
        add("log-normal", lambda x, u=u, w=w: np.where(x > 0, np.exp(-((np.log(x) - u) ** 2) / 2 / w**2) / x, 0.0), 0,
            w * math.sqrt(2 * math.pi))  # fmt: skip
        add("Planck", lambda x, r=r: np.where(x > 0, (r * x) ** 3 / np.expm1(r * x), 0.0), 0, math.pi**4 / 15 / r)
        u = rng.uniform(1, 20)
        add("Fermi", lambda x, u=u: 1 / (1 + np.exp(x - u)), 0, u + math.log1p(math.exp(-u)))
        u, w = rng.uniform(-3, 3), 10 ** rng.uniform(-1, 1)
        add(
            "Gaussian on the line",
            lambda x, u=u, w=w: np.exp(-(((x - u) / w) ** 2) / 2),
            -inf,
            w * math.sqrt(2 * math.pi),
        )
        add("Lorentzian", lambda x, u=u, w=w: w / ((x - u) ** 2 + w * w), -inf, math.pi)
        add("sech", lambda x, u=u, w=w: 1 / np.cosh((x - u) / w), -inf, math.pi * w)
        add("two-sided exponential", lambda x, u=u, w=w: np.exp(-np.abs(x - u) / w), -inf, 2 * w)
        k = rng.uniform(0.5, 3)
        add("Gaussian times wave", lambda x, k=k, w=w: np.exp(-((x / w) ** 2) / 2) * np.cos(k * x / w), -inf,
            w * math.sqrt(2 * math.pi) * math.exp(-k * k / 2))  # fmt: skip
        v, share = u + rng.uniform(3, 8), rng.uniform(0.1, 0.9)

        def two(x: Any, u: float = u, v: float = v, q: float = share) -> Any:
            return q * np.exp(-((x - u) ** 2)) + (1 - q) * np.exp(-((x - v) ** 2))

        add("two Gaussians", two, -inf, math.sqrt(math.pi))
    return found


class Counted:
    """A function that counts its evaluations, one for each element of an array."""

    def __init__(self, function: Callable[[Any], Any]) -> None:
        self.function = function
        self.count = 0

    def __call__(self, x: Any) -> Any:
        self.count += np.size(x)
        with np.errstate(all="ignore"):
            return self.function(x)


@dataclass(frozen=True)
class Outcome:
    """The integral that a rule found.

    Attributes
    ----------
    claimed : bool
        Whether the rule says that the tolerance is reached.
    error : float
        True relative error.
    evaluations : int
        Evaluations of the function.
    """

    claimed: bool
    error: float
    evaluations: int

    def is_right(self, tol: float) -> bool:
        """Whether the error is at most `WRONG` times the tolerance."""
        return self.error <= WRONG * tol


def _quad(f: Counted, a: float, b: float, tol: float) -> tuple[float, bool]:
    answer = integrate.quad(f, a, b, epsabs=0, epsrel=tol, limit=2000, full_output=1)
    return answer[0], len(answer) == 3


def _quad_vec(f: Counted, a: float, b: float, tol: float) -> tuple[float, bool]:
    value, _, info = integrate.quad_vec(f, a, b, epsabs=0, epsrel=tol, limit=5000, full_output=True)
    return float(value), bool(info.success)


def _cubature(f: Counted, a: float, b: float, tol: float) -> tuple[float, bool]:
    answer = integrate.cubature(lambda x: f(x[:, 0]), [a], [b], rule="gk21", rtol=tol, atol=0, max_subdivisions=3000)
    return float(answer.estimate), answer.status == "converged"


def _tanhsinh(f: Counted, a: float, b: float, tol: float) -> tuple[float, bool]:
    answer = integrate.tanhsinh(f, a, b, rtol=tol, atol=0, maxlevel=12)
    return float(answer.integral), bool(answer.success)


#: SciPy's rules.
PEERS = {"quad": _quad, "quad_vec": _quad_vec, "cubature": _cubature, "tanhsinh": _tanhsinh}


def by_peer(name: str, integrand: Integrand, tol: float) -> Outcome:
    """Return what a rule of SciPy finds."""
    f = Counted(integrand.function)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        value, claimed = PEERS[name](f, integrand.a, integrand.b, tol)
    error = abs(value - integrand.exact) / abs(integrand.exact) if math.isfinite(value) else math.inf
    return Outcome(claimed, error, f.count)


def by_learner(
    learner_type: Any, integrand: Integrand, tol: float, in_flight: int = 1, budget: int = 60_000
) -> Outcome:
    """Return what an IntegratorLearner finds, with points in flight that come back in random order."""
    rng = np.random.default_rng(0)
    f = Counted(integrand.function)
    learner = learner_type(f, (integrand.a, integrand.b), tol)
    waiting: list[float] = []
    try:
        while not learner.done() and f.count < budget:
            waiting += learner.ask(in_flight - len(waiting))[0]
            if not waiting:
                break
            x = waiting.pop(int(rng.integers(len(waiting))))
            learner.tell(x, float(f(x)))
    except ValueError:  # taken for divergent
        return Outcome(False, math.inf, f.count)
    claimed = learner.done() and getattr(learner, "converged", True)
    return Outcome(bool(claimed), abs(learner.igral - integrand.exact) / abs(integrand.exact), f.count + len(waiting))


# ------------------------------------------------------------------------------------------------------------- boxes


@dataclass(frozen=True)
class BoxIntegrand:
    """A function on the unit square or cube with a known integral; takes an array of shape (k, n)."""

    family: str
    ndim: int
    function: Callable[[Any], Any] = field(repr=False)
    exact: float


def boxes(draws: int, seed: int = 0) -> list[BoxIntegrand]:
    """Return `draws` functions of each of Genz's six families in two and in three dimensions.

    The parameters of the six are 4.5, 10, 2, 7, 7 and 3 in the mean over the dimensions, places are uniform.
    """
    rng = np.random.default_rng(seed)
    found: list[BoxIntegrand] = []

    def drawn(n: int, difficulty: float) -> tuple[Any, Any]:
        a = rng.uniform(0.2, 1, n)
        return a * difficulty * n / a.sum(), rng.random(n)

    def add(family: str, n: int, function: Callable[[Any, Any, Any], Any], a: Any, u: Any, exact: float) -> None:
        found.append(BoxIntegrand(family, n, lambda x: function(x, a, u), float(exact)))

    erf = np.vectorize(math.erf)
    for _, n in product(range(draws), (2, 3)):
        a, u = drawn(n, 4.5)
        wave = np.exp(2j * np.pi * u[0]) * np.prod((np.exp(1j * a) - 1) / (1j * a))
        add("oscillatory", n, lambda x, a, u: np.cos(2 * np.pi * u[0] + x @ a), a, u, wave.real)
        a, u = drawn(n, 10)
        peak = np.prod(a * (np.arctan(a * (1 - u)) + np.arctan(a * u)))
        add("product peak", n, lambda x, a, u: 1 / (a**-2.0 + (x - u) ** 2).prod(axis=-1), a, u, peak)
        a, u = drawn(n, 2)
        signs = np.array(list(product((0, 1), repeat=n)))
        corner = ((-1) ** signs.sum(axis=1) / (1 + signs @ a)).sum() / math.factorial(n) / np.prod(a)
        add("corner peak", n, lambda x, a, u: (1 + x @ a) ** -(len(a) + 1.0), a, u, corner)
        a, u = drawn(n, 7)
        bell = np.prod(np.sqrt(np.pi) / 2 / a * (erf(a * (1 - u)) + erf(a * u)))
        add("Gaussian", n, lambda x, a, u: np.exp(-((a * (x - u)) ** 2).sum(axis=-1)), a, u, bell)
        a, u = drawn(n, 7)
        tent = np.prod((2 - np.exp(-a * u) - np.exp(-a * (1 - u))) / a)
        add("continuous", n, lambda x, a, u: np.exp(-np.abs(x - u) @ a), a, u, tent)
        a, u = drawn(n, 3)
        ends = np.where(np.arange(n) < 2, u, 1.0)
        cut = np.prod(np.expm1(a * ends) / a)
        add("discontinuous", n, lambda x, a, u: np.exp(x @ a) * (x[..., :2] <= u[:2]).all(axis=-1), a, u, cut)
    return found


#: Evaluations after which each rule gives up.
BOX_BUDGET = 100_000


def box_by_scipy(rule: str, integrand: BoxIntegrand, tol: float) -> Outcome:
    """Return what `scipy.integrate.cubature` finds with a rule."""
    f = CountedRows(integrand.function)
    n = integrand.ndim
    per_box = {"genz-malik": 1 + 2 * n + 2 * n * n + 2**n, "gk15": 22**n, "gk21": 31**n}[rule]
    answer = integrate.cubature(
        f, [0.0] * n, [1.0] * n, rule=rule, rtol=tol, atol=0, max_subdivisions=max(1, BOX_BUDGET // per_box // 2**n)
    )
    error = abs(float(answer.estimate) - integrand.exact) / abs(integrand.exact)
    return Outcome(answer.status == "converged", error, f.count)


class CountedRows:
    """A function of arrays of shape (k, n) that counts the rows."""

    def __init__(self, function: Callable[[Any], Any]) -> None:
        self.function = function
        self.count = 0

    def __call__(self, x: Any) -> Any:
        self.count += len(x)
        return self.function(x)


def box_by_learner(integrand: BoxIntegrand, tol: float, in_flight: int = 1) -> Outcome:
    """Return what a CubatureLearner finds, with points in flight that come back in random order."""
    from adaptive_calib import CubatureLearner

    rng = np.random.default_rng(0)
    learner = CubatureLearner(integrand.function, [(0.0, 1.0)] * integrand.ndim, tol)
    waiting: list[Any] = []
    while not learner.done() and learner.npoints < BOX_BUDGET:
        waiting += learner.ask(in_flight - len(waiting))[0]
        x = waiting.pop(int(rng.integers(len(waiting))))
        learner.tell(x, float(integrand.function(np.array(x))))
    error = abs(learner.igral - integrand.exact) / abs(integrand.exact)
    return Outcome(learner.converged, error, learner.npoints + len(waiting))
