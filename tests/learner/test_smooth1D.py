"""The smooth mode: few evaluations, and an error estimate that is checked against the truth."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from adaptive_calib.learner.learner1D import Learner1D, smooth_loss
from adaptive_calib.learner.smooth1D import REACH, Curve

#: Ten smooth functions; the evaluations that they take are stated in docs/explanation/learner_performance.md.
SMOOTH: dict[str, tuple[Callable[[Any], Any], tuple[float, float]]] = {
    "exponential": (np.exp, (-1, 1)),
    "sine": (lambda x: np.sin(10 * x), (-1, 1)),
    "Runge": (lambda x: 1 / (1 + 25 * x * x), (-1, 1)),
    "peak": (lambda x: x + 1e-4 / (1e-4 + x * x), (-1, 1)),
    "front": (lambda x: np.tanh(20 * (x - 0.3)), (-1, 1)),
    "bell": (lambda x: np.exp(-200 * (x - 0.17) ** 2), (-1, 1)),
    "chirp": (lambda x: np.sin(20 * x * x), (0, 1.5)),
    "logistic": (lambda x: 1 / (1 + np.exp(-30 * x)), (-1, 1)),
    "falling waves": (lambda x: np.cos(x) / (1 + x), (0, 20)),
    "logarithm": (lambda x: np.log(x + 0.05), (0, 1)),
}

ROOT = Path(__file__).parents[2]
_PAGE = (ROOT / "docs" / "explanation" / "learner_performance.md").read_text(encoding="utf-8")
_TABLE = re.search(r"^\| function \| smooth mode .*\n\|[-|]+\n((?:\|.*\n)+)", _PAGE, re.MULTILINE)
assert _TABLE is not None
STATED = dict(zip(SMOOTH, (int(row.split(" | ")[1]) for row in _TABLE[1].splitlines()), strict=True))

#: Smooth between breaks.
BROKEN: dict[str, tuple[Callable[[Any], Any], tuple[float, float]]] = {
    "kink": (lambda x: np.abs(x - 0.3137) * np.exp(x), (-1, 1)),
    "step": (lambda x: np.exp(x) + (x > 0.3137), (-1, 1)),
    "root": (np.sqrt, (0, 1)),
}


def largest(learner: Learner1D, f: Callable[[Any], Any], places: int = 20_011) -> float:
    """Return the true largest error."""
    xs = np.linspace(*learner.bounds, places)
    # a step is met nowhere by a continuous curve: its closed interval is left out
    return float(np.sort(np.abs(learner.predict(xs) - f(xs)))[-2])


def learn(f: Callable[[Any], Any], bounds: tuple[float, float], goal: float, mode: Any = "smooth") -> Learner1D:
    learner = Learner1D(lambda x: float(f(x)), bounds, mode=mode)
    while learner.largest_error() > goal:
        (x,), _ = learner.ask(1)
        learner.tell(x, learner.function(x))
        assert learner.npoints < 1000
    return learner


@pytest.mark.parametrize("name", [*SMOOTH, *BROKEN])
def test_estimate_is_above_the_truth(name: str) -> None:
    """When the estimate says 1e-6 the error is at most that, after as many evaluations as the documentation states."""
    f, bounds = {**SMOOTH, **BROKEN}[name]
    learner = learn(f, bounds, 1e-6)
    assert largest(learner, f) <= learner.largest_error() <= 1e-6
    assert learner.npoints < 300
    assert learner.npoints == pytest.approx(STATED.get(name, learner.npoints), rel=0.1)


def test_the_auto_mode_takes_what_the_readme_says() -> None:
    """The evaluations of sin 10x for an estimated error of 1e-6."""
    stated = re.search(r"`mode=\"auto\"`, sin 10x takes (\d+) evaluations", (ROOT / "README.md").read_text("utf-8"))
    assert stated is not None
    assert learn(*SMOOTH["sine"], 1e-6, "auto").npoints == pytest.approx(int(stated[1]), abs=3)


@pytest.mark.parametrize("name", SMOOTH)
@pytest.mark.parametrize("goal", [1e-2, 1e-4])
def test_estimate_at_other_errors(name: str, goal: float) -> None:
    """The estimate holds at coarse and at fine goals."""
    f, bounds = SMOOTH[name]
    learner = learn(f, bounds, goal)
    assert largest(learner, f) <= goal


@pytest.mark.parametrize("name", SMOOTH)
def test_a_fifth_of_the_evaluations(name: str) -> None:
    """Five times as many evaluations of the default mode do not reach the 1e-6 that the smooth mode reached."""
    f, bounds = SMOOTH[name]
    smooth = learn(f, bounds, 1e-6)
    assert largest(smooth, f) <= 1e-6
    default = Learner1D(lambda x: float(f(x)), bounds)
    for _ in range(5 * smooth.npoints):
        (x,), _ = default.ask(1)
        default.tell(x, default.function(x))
    assert largest(default, f) > 1e-6


@pytest.mark.parametrize("name", ["peak", "kink"])
def test_the_loss_is_the_estimate(name: str) -> None:
    """The loss of an interval is the estimated error of the curve there, over the range of values."""
    f, bounds = {**SMOOTH, **BROKEN}[name]
    learner = learn(f, bounds, 1e-4)
    learner.tell_many([], [], force=True)
    height = np.ptp(list(learner.data.values()))
    for (a, b), loss in learner.losses.items():
        _, error = learner.predict((a + b) / 2, return_error=True)
        if b - a <= (bounds[1] - bounds[0]) / 12:
            assert loss * height == pytest.approx(float(error), rel=1e-2, abs=1e-12)


def test_units() -> None:
    """Other units of x and y give the same points, and errors in the other units."""
    f = SMOOTH["bell"][0]
    ours = learn(f, (-1, 1), 1e-6)
    theirs = learn(lambda x: 1024.0 * f(x / 64), (-64, 64), 1024e-6)
    assert sorted(theirs.data) == [64 * x for x in sorted(ours.data)]
    assert theirs.largest_error() == pytest.approx(1024 * ours.largest_error())


def test_vectors() -> None:
    """For vectors the largest error of the components counts."""
    learner = Learner1D(lambda x: (float(np.exp(x)), float(np.sin(9 * x))), (-1, 1), mode="smooth")
    while learner.largest_error() > 1e-6:
        (x,), _ = learner.ask(1)
        learner.tell(x, learner.function(x))
    xs = np.linspace(-1, 1, 5001)
    truth = np.column_stack([np.exp(xs), np.sin(9 * xs)])
    value, error = learner.predict(xs, return_error=True)
    assert np.abs(value - truth).max() <= 1e-6
    assert np.nanmax(error) <= 1e-6


def test_no_estimate_is_believed_too_early() -> None:
    """On a few points the estimate is infinite, however well they fit: a sine is zero at the first three."""
    learner = Learner1D(lambda x: float(np.sin(np.pi * x)), (-1, 1), mode="smooth")
    for _ in range(12):
        assert learner.largest_error() == np.inf
        (x,), _ = learner.ask(1)
        learner.tell(x, learner.function(x))


def test_region_without_values() -> None:
    """Beside points without values the curve is NaN, and the goal can be reached all the same."""
    f = lambda x: float("nan") if x < -0.2 else float(np.exp(x))  # noqa: E731  # short
    learner = learn(f, (-1, 1), 1e-6)
    xs = np.linspace(0, 1, 1001)
    assert np.abs(learner.predict(xs) - np.exp(xs)).max() <= 1e-6
    assert np.isnan(learner.predict(-0.6))


def test_loss_needs_no_neighbors() -> None:
    """With nothing but two points the loss is that of the segment."""
    nothing = (None,) * REACH
    assert smooth_loss((*nothing, 0.0, 1.0, *nothing), (*nothing, 0.0, 0.0, *nothing)) == 1.0


def test_curve_of_one_point() -> None:
    """One point is a curve of one point."""
    value, error = Curve(np.array([1.0]), np.array([[2.0]]), "smooth")(np.array([1.0, 2.0]))
    assert value[0, 0] == 2
    assert error[0] == 0
    assert np.isnan(value[1, 0])


def test_polynomials_are_met() -> None:
    """A polynomial of degree 5 is its own interpolant."""
    f = np.polynomial.Polynomial([1, -2, 0.5, 3, -1, 2])
    learner = learn(f, (-1, 1), 1e-9)
    assert largest(learner, f) < 1e-13
    assert learner.npoints <= 30
