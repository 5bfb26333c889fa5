"""Losses of an interval: values computed with python-adaptive 1.5.2, and definitions."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest

from adaptive_calib.learner.learner1D import (
    Learner1D,
    abs_min_log_loss,
    curvature_loss_function,
    default_loss,
    finite_loss,
    linspace,
    resolution_loss_function,
    triangle_loss,
    uniform_loss,
)

XS, YS = (0.1, 0.4), (0.2, 0.6)
XS4, YS4 = (0.0, 0.1, 0.4, 1.0), (0.5, 0.2, 0.6, 0.1)


def peak(x: float) -> float:
    return x + 0.01**2 / (0.01**2 + x**2)


@pytest.mark.parametrize(
    ("loss", "expected"), [(uniform_loss, 0.3), (default_loss, 0.5), (abs_min_log_loss, 1.13883667)]
)
def test_values(loss: object, expected: float) -> None:
    """Losses of one interval are the peer's."""
    assert loss(XS, YS) == pytest.approx(expected)  # type: ignore[operator]  # a loss


def test_vector_values() -> None:
    """For vectors the default loss is the largest of the components, whatever they come in."""
    for form in (tuple, list, np.array):
        assert default_loss(XS, (form((0.0, 1.0)), form((0.3, 0.5)))) == pytest.approx(0.583095189)


@pytest.mark.parametrize(("xs", "expected"), [(XS4, 0.13), ((None, *XS4[1:]), 0.195), ((None, *XS4[1:3], None), 0.3)])
def test_triangles(xs: tuple[float | None, ...], expected: float) -> None:
    """The triangle loss takes as many triangles as there are points."""
    ys = tuple(None if x is None else y for x, y in zip(xs, YS4, strict=True))
    assert triangle_loss(xs, ys) == pytest.approx(expected)


def test_triangles_of_vectors() -> None:
    """The area of a triangle in R^3 is that of the cross product; one constant component changes nothing."""
    rng = random.Random(1)
    for _ in range(20):
        p, q, r = ([rng.random() for _ in range(3)] for _ in range(3))
        area = np.linalg.norm(np.cross(np.subtract(q, p), np.subtract(r, p))) / 2
        xs, ys = (None, p[0], q[0], r[0]), (None, *(np.array(v[1:]) for v in (p, q, r)))
        assert triangle_loss(xs, ys) == pytest.approx(area)
    flat = tuple(np.array([y, 0.7]) for y in YS4)
    assert triangle_loss(XS4, flat) == pytest.approx(0.13)


def test_curvature() -> None:
    """The curvature loss is the peer's."""
    assert curvature_loss_function()(XS4, YS4) == pytest.approx(0.376555128)


def test_resolution() -> None:
    """Short intervals have no loss, long ones an infinite one, others the default one."""
    loss = resolution_loss_function(0.25, 0.35)
    assert loss((0, 0.2), YS) == 0
    assert loss((0, 0.4), YS) == math.inf
    assert loss(XS, YS) == pytest.approx(0.5)


def test_zero() -> None:
    """The loss that looks for zeros is infinite where there is one."""
    assert abs_min_log_loss(XS, (0.0, 1.0)) == math.inf


INWARDS = (-0.25, 0.25, -0.125, 0.125, -0.0625, 0.0625, -0.03125, 0.03125, -0.015625)


@pytest.mark.parametrize(
    ("loss", "points", "expected"),
    [
        (uniform_loss, (-0.75, -0.25, 0.25, 0.75, -0.875, -0.625, -0.375, -0.125, 0.125), 0.125),
        (curvature_loss_function(), INWARDS, 0.071610455),
        (triangle_loss, INWARDS, 0.003910472),
    ],
)
def test_points_of_other_losses(loss: object, points: tuple[float, ...], expected: float) -> None:
    """With other losses the points and the loss are the peer's, too."""
    learner = Learner1D(peak, (-1, 1), loss)  # type: ignore[arg-type]  # a loss
    asked = []
    for _ in range(14):
        asked += learner.ask(1)[0]
        learner.tell(asked[-1], peak(asked[-1]))
    assert asked == [-1, 1, 0, -0.5, 0.5, *points]
    assert learner.loss() == pytest.approx(expected)


def test_points_within_a_resolution() -> None:
    """The resolution loss orders infinite losses by length, as the peer does."""
    learner = Learner1D(peak, (-1, 1), resolution_loss_function(0.05, 0.4))
    asked = []
    for _ in range(14):
        asked += learner.ask(1)[0]
        learner.tell(asked[-1], peak(asked[-1]))
    assert asked[3:] == [-0.5, -0.25, -0.125, -0.0625, 0.5, -0.75, 0.75, 0.25, 0.125, 0.0625, -0.375]
    assert learner.loss() == pytest.approx(0.176855235)


def test_helpers() -> None:
    """`linspace` gives inner points; `finite_loss` orders infinite losses by length."""
    assert linspace(0, 1, 4) == [0.25, 0.5, 0.75]
    assert linspace(0, 1, 1) == []
    assert finite_loss((0, 1), 0.5, 2) == (0.5, (0, 1))
    assert finite_loss((0, 1), math.inf, 2)[0] == 0.5
    assert finite_loss((0, 1, 2), math.nan, 2)[0] == 0.25
