"""How many evaluations of a curve each method needs until its largest error is 1e-3, 1e-6, 1e-9 of the range.

``python -m tests.benchmarks evaluations`` prints the tables; counts do not depend on the machine. Peers:

- python-adaptive 1.5.2's `Learner1D` with its default and its curvature loss, joined by straight lines;
- Chebyshev interpolation with 9, 17, 33, ... points (nested, so that all points are used);
- piecewise Chebyshev interpolation of degree 8 and 16; the piece with the largest last coefficients is halved;
- AAA of SciPy, with the next point where two successive approximants differ most;
- cubic and quintic splines of SciPy through equally spaced points.

None of them knows the function: their errors are measured after each point, and the first count that is good enough is
taken, for ours as for theirs. "best peer" is the least of them for each function and accuracy.
"""

from __future__ import annotations

import math
import random
import statistics
import warnings
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import numpy as np
from scipy import interpolate

from tests.benchmarks.curve_functions import DRAWN, HELD_OUT, NAMED, CurveFunction

#: Counts are reported, see `report`; there is nothing to time.
CASES: list[Any] = []
PEER = None

GOALS = (1e-3, 1e-6, 1e-9)
#: Points that are free in the worst case: every method has to begin somewhere.
FREE = 12

#: Random orders of the results with points in flight, of which the worst counts.
ORDERS = 3

#: Yields (number of evaluations, function of a grid) after each step.
Method: TypeAlias = Callable[[CurveFunction], Iterator[tuple[int, Callable[[Any], Any]]]]


def ours(mode: str, in_flight: int = 1, most: int = 700, seed: int = 0) -> Method:
    """Return `Learner1D` in a mode with points in flight, of which any one, drawn at random, ends next."""

    def steps(f: CurveFunction) -> Iterator[tuple[int, Callable[[Any], Any]]]:
        from adaptive_calib import Learner1D

        learner = Learner1D(f, bounds=f.bounds, mode=mode)  # type: ignore[arg-type]
        flying: list[float] = []
        order = random.Random(f"{f.name}, {in_flight} in flight, {seed}")
        for n in range(1, most + 1):
            flying += learner.ask(in_flight - len(flying))[0]
            x = flying.pop(order.randrange(len(flying)))
            learner.tell(x, f(x))
            yield n, learner.predict

    return steps


def python_adaptive(loss: str, most: int = 3000) -> Method:
    """Return python-adaptive's learner with one of its losses; beyond 200 points it is measured every 2 per cent."""

    def steps(f: CurveFunction) -> Iterator[tuple[int, Callable[[Any], Any]]]:
        from adaptive.learner import learner1D

        chosen = {"default": None, "curvature": learner1D.curvature_loss_function()}[loss]
        learner = learner1D.Learner1D(f, bounds=f.bounds, loss_per_interval=chosen)
        following = 2
        for n in range(1, most + 1):
            x = learner.ask(1)[0][0]
            learner.tell(x, f(x))
            if n >= following:
                following = n + 1 + (n // 50 if n > 200 else 0)
                xs = np.array(sorted(learner.data))
                ys = np.array([learner.data[x] for x in xs])
                yield n, lambda u, xs=xs, ys=ys: np.interp(u, xs, ys)  # type: ignore[misc]

    return steps


def _chebyshev_points(n: int) -> Any:
    return -np.cos(np.pi * np.arange(n) / (n - 1))


def _through(f: CurveFunction, a: float, b: float, n: int) -> tuple[Any, Callable[[Any], Any]]:
    """Return coefficients of the Chebyshev interpolant with n points on [a, b], and the interpolant."""
    points = _chebyshev_points(n)
    values = f.formula(np.clip(a + (b - a) * (points + 1) / 2, a, b))
    # values at Chebyshev points of the second kind to coefficients: a cosine transform, here as a sum
    k = np.arange(n)
    weights = np.where((k == 0) | (k == n - 1), 0.5, 1.0)
    angles = np.cos(np.pi * np.outer(k, k) / (n - 1))
    c = 2.0 / (n - 1) * (angles @ (weights * values[::-1])) * weights
    return c, lambda u: np.polynomial.chebyshev.chebval(2 * (u - a) / (b - a) - 1, c)


def chebyshev(f: CurveFunction) -> Iterator[tuple[int, Callable[[Any], Any]]]:
    """Double the number of points of one polynomial."""
    for n in (9, 17, 33, 65, 129, 257, 513, 1025, 2049):
        yield n, _through(f, *f.bounds, n)[1]


def piecewise_chebyshev(degree: int, most: int = 1500) -> Method:
    """Return the halving of pieces; pieces share their ends."""

    def steps(f: CurveFunction) -> Iterator[tuple[int, Callable[[Any], Any]]]:
        def piece(a: float, b: float) -> tuple[float, float, float, Callable[[Any], Any]]:
            c, p = _through(f, a, b, degree + 1)
            return float(np.abs(c[-2:]).max()), a, b, p

        pieces = [piece(*f.bounds)]
        evaluations = degree + 1
        while evaluations <= most:
            pieces.sort(key=lambda p: p[1])
            ends = np.array([p[1] for p in pieces[1:]])

            def value(u: Any, ends: Any = ends, parts: Any = tuple(pieces)) -> Any:
                which = np.searchsorted(ends, u, side="right")
                return np.concatenate([part[3](u[which == i]) for i, part in enumerate(parts)])

            yield evaluations, value
            worst = max(pieces, key=lambda p: p[0])
            middle = (worst[1] + worst[2]) / 2
            if not worst[1] < middle < worst[2]:
                return
            pieces.remove(worst)
            pieces += [piece(worst[1], middle), piece(middle, worst[2])]
            # the ends and the middle of the old piece are points already
            evaluations += 2 * (degree - 1)

    return steps


def aaa(f: CurveFunction, most: int = 160) -> Iterator[tuple[int, Callable[[Any], Any]]]:
    """Refine where two successive rational approximants differ most, among seven places in each interval."""
    a, b = f.bounds
    xs = a + (b - a) * (_chebyshev_points(9) + 1) / 2
    before: Any = None
    while len(xs) <= most:
        xs.sort()
        ys = f.formula(xs)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                r = interpolate.AAA(xs, ys, max_terms=(len(xs) + 1) // 2, clean_up=False)
            except (ValueError, np.linalg.LinAlgError):
                return  # SciPy gives up here, on max(sin 3x, 1/2) for instance: larger goals are never reached
            yield len(xs), r
            shares = np.arange(1, 8) / 8
            places = (xs[:-1, None] + np.diff(xs)[:, None] * shares).ravel()
            if before is None:
                before = interpolate.AAA(xs[::2], ys[::2], clean_up=False)
            differ = np.abs(np.real(r(places)) - np.real(before(places)))
        differ[~np.isfinite(differ)] = np.inf
        before = r
        xs = np.append(xs, places[int(np.argmax(differ))])


def spline(degree: int) -> Method:
    """Return splines through 9, 11, 13, ... equally spaced points, a fifth more each time."""

    def steps(f: CurveFunction) -> Iterator[tuple[int, Callable[[Any], Any]]]:
        n = 9
        while n <= 2500:
            xs = np.linspace(*f.bounds, n)
            yield n, interpolate.make_interp_spline(xs, f.formula(xs), k=degree)
            n += max(1, n // 10)

    return steps


PEERS: dict[str, Method] = {
    "python-adaptive": python_adaptive("default"),
    "python-adaptive, curvature": python_adaptive("curvature"),
    "Chebyshev": chebyshev,
    "Chebyshev pieces, 8": piecewise_chebyshev(8),
    "Chebyshev pieces, 16": piecewise_chebyshev(16),
    "AAA": aaa,
    "cubic spline": spline(3),
    "quintic spline": spline(5),
}


def count(f: CurveFunction, method: Method, goals: tuple[float, ...] = GOALS) -> tuple[float, ...]:
    """Return the number of evaluations until the error is at most each goal, of the range; inf if it never is."""
    grid = f.grid()
    exact = f.formula(grid)
    scale = float(np.ptp(exact))
    found = [math.inf] * len(goals)
    for n, interpolant in method(f):
        with np.errstate(all="ignore"):
            error = float(np.max(np.abs(np.real(interpolant(grid)) - exact))) / scale
        for i, goal in enumerate(goals):
            if error <= goal and not math.isfinite(found[i]):
                found[i] = n
        if error <= goals[-1]:
            break
    return tuple(found)


def _text(n: float) -> str:
    return f"{n:.0f}" if math.isfinite(n) else "-"


def _row(name: str, *counts: tuple[float, ...]) -> str:
    name = name.replace("|", r"\|")
    return f"| {name} | " + " | ".join(" / ".join(map(_text, c)) for c in counts) + " |"


def compare(functions: tuple[CurveFunction, ...]) -> str:
    """Return a table of the functions, and the ratios ours / best peer."""
    lines = [
        "| function | auto | smooth | python-adaptive | its curvature loss | best of the others | which at 1e-6 |",
        "|---|---|---|---|---|---|---|",
    ]
    ratios: list[list[float]] = [[] for _ in GOALS]
    free: list[list[float]] = [[] for _ in GOALS]
    shares: list[list[float]] = [[] for _ in GOALS]
    for f in functions:
        auto, smooth = count(f, ours("auto")), count(f, ours("smooth", most=600))
        peers = {name: count(f, method) for name, method in PEERS.items()}
        best = [min(c[i] for c in peers.values()) for i in range(len(GOALS))]
        others = {name: c for name, c in peers.items() if not name.startswith("python-adaptive")}
        least = tuple(min(c[i] for c in others.values()) for i in range(len(GOALS)))
        name = min(others, key=lambda name: others[name][1]) if math.isfinite(least[1]) else "-"
        defaults = peers["python-adaptive"]
        lines.append(_row(f.name, auto, smooth, defaults, peers["python-adaptive, curvature"], least) + f" {name} |")
        for i in range(len(GOALS)):
            if math.isfinite(best[i]) or math.isfinite(auto[i]):
                ratios[i].append(auto[i] / best[i])
                free[i].append(max(auto[i] - FREE, 0) / best[i])
            if math.isfinite(auto[i]):
                shares[i].append(auto[i] / min(defaults[i], 3000))
    lines.append("")
    for i, goal in enumerate(GOALS):
        lines.append(
            f"- {goal:g}: auto / best peer {statistics.median(ratios[i]):.2f} in the median, {max(ratios[i]):.2f} at "
            f"most ({max(free[i]):.2f} with the first {FREE} points free); auto / python-adaptive "
            f"{statistics.median(shares[i]):.3f} in the median, 3000 points taken where it needs more"
        )
    return "\n".join(lines)


def in_flight(functions: tuple[CurveFunction, ...]) -> str:
    """Return a table of evaluations with 1, 4, 16 and 64 points in flight, and the ratios without the first burst.

    The most of `ORDERS` random orders of the results, for each accuracy.
    """
    flights = (1, 4, 16, 64)
    lines = ["| function | " + " | ".join(map(str, flights)) + " |", "|---" * (1 + len(flights)) + "|"]
    ratios: dict[int, list[float]] = {k: [] for k in flights}
    for f in functions:
        counts = []
        for k in flights:
            orders = [count(f, ours("auto", k, seed=i), GOALS[:2]) for i in range(ORDERS if k > 1 else 1)]
            counts.append(tuple(max(c) for c in zip(*orders, strict=True)))
        lines.append(_row(f.name, *counts))
        for k, c in zip(flights, counts, strict=True):
            for one, many in zip(counts[0][:2], c[:2], strict=True):
                if math.isfinite(one):
                    ratios[k].append(max(many - k, 0) / one)
    lines.append("")
    lines += [
        f"- {k} in flight: {statistics.median(ratios[k]):.2f} times the evaluations of one at a time in the median, "
        f"{max(ratios[k]):.2f} at most (1e-3, 1e-6; without the first {k})"
        for k in flights[1:]
    ]
    return "\n".join(lines)


def report() -> str:
    """Return all tables, in Markdown."""
    return (
        f"Evaluations to 1e-3 / 1e-6 / 1e-9.\n\n#### Functions it was made with\n\n{compare(NAMED)}\n\n"
        f"#### Functions held out\n\n{compare(HELD_OUT)}\n\n#### Functions drawn\n\n{compare(DRAWN)}\n\n"
        f"#### In flight\n\n{in_flight(NAMED)}\n\n{in_flight(DRAWN)}"
    )
