"""The smooth mode of `Learner2D` and `LearnerND`: its interpolant, where it puts points, and what it claims."""

from __future__ import annotations

import math
import random
from typing import Any

import numpy as np
import pytest

from adaptive_calib.learner import Learner2D, LearnerND
from adaptive_calib.learner._simplex.local_polynomials import LocalPolynomials, blending_weights
from adaptive_calib.runner import simple

_BOX = [(-1.0, 1.0), (-1.0, 1.0)]
_NO_MODE: Any = "cubic"
_GRID = np.random.default_rng(3).uniform(-1, 1, (2000, 2))


def _hills(point: Any) -> Any:
    x, y = np.moveaxis(np.asarray(point), -1, 0)
    return np.exp(-4 * ((x - 0.3) ** 2 + (y + 0.2) ** 2)) + 0.5 * np.cos(3 * x + 2 * y)


def _step(point: Any) -> Any:
    x, y = np.moveaxis(np.asarray(point), -1, 0)
    return (x + 0.3 * y > 0.1) * 1.0


def _number(function: Any) -> Any:
    return lambda point: float(function(point))


def _model(learner: Any) -> LocalPolynomials:
    model: LocalPolynomials = learner._mesh.rule.model
    return model


def _rms(learner: Any, function: Any) -> float:
    return float(np.sqrt(np.mean((learner.predict(_GRID) - function(_GRID)) ** 2)))


@pytest.mark.parametrize("ndim", [2, 3])
def test_weights(ndim: int) -> None:
    """Weights are positive, add up to 1, and are 1 at their vertex."""
    rng = np.random.default_rng(0)
    corners = rng.random((200, ndim + 1, ndim))
    weights = blending_weights(rng.dirichlet(np.ones(ndim + 1), 200), corners)
    assert weights.min() >= 0
    assert weights.sum(axis=1) == pytest.approx(np.ones(200))
    at_vertices = blending_weights(np.eye(ndim + 1), corners[: ndim + 1])
    assert at_vertices == pytest.approx(np.eye(ndim + 1))


@pytest.mark.parametrize("ndim", [2, 3])
def test_gradients_of_weights_at_faces(ndim: int) -> None:
    """Across a face the weights do not change to first order, so they are smooth from cell to cell."""
    rng = np.random.default_rng(1)
    corners = rng.random((100, ndim + 1, ndim)) + np.eye(ndim + 1, ndim)
    shares = rng.dirichlet(np.full(ndim, 3.0), 100)
    on_face = np.einsum("mi,mid->md", shares, corners[:, :ndim])
    edges = corners[:, 1:ndim] - corners[:, :1]
    normals = np.linalg.svd(edges)[2][:, -1]
    normals *= np.sign(np.einsum("md,md->m", normals, corners[:, ndim] - on_face))[:, None]
    base = blending_weights(np.column_stack([shares, np.zeros(100)]), corners)
    for step, most in ((1e-3, 0.1), (1e-4, 0.01)):
        inside = on_face + step * normals
        first = np.linalg.solve(
            (corners[:, :-1] - corners[:, -1:]).swapaxes(1, 2), (inside - corners[:, -1])[..., None]
        )
        moved = blending_weights(np.column_stack([first[..., 0], 1 - first[..., 0].sum(axis=1)]), corners)
        # the derivative goes to zero with the distance
        assert np.median(np.abs(moved - base).max(axis=1) / step) < most


@pytest.mark.parametrize(("ndim", "degree", "count"), [(2, 5, 90), (3, 4, 200)])
def test_polynomials_are_reproduced(ndim: int, degree: int, count: int) -> None:
    """A polynomial of the highest degree is predicted exactly, however its values came."""
    rng = np.random.default_rng(2)
    learner = LearnerND(lambda point: (sum(point) - 0.4) ** degree, [(-1, 1)] * ndim, mode="smooth")
    learner.tell_many(corners := learner.ask(2**ndim)[0], [learner.function(corner) for corner in corners])
    points = [tuple(point) for point in rng.uniform(-1, 1, (count, ndim)).tolist()]
    learner.tell_many(points, [learner.function(point) for point in points])
    inside = rng.uniform(-0.6, 0.6, (50, ndim))
    assert learner.predict(inside) == pytest.approx((inside.sum(axis=1) - 0.4) ** degree, abs=2e-5)


def test_kept_up_to_date() -> None:
    """Polynomials that are updated point by point are those of a model made of all points."""
    learner = Learner2D(_number(_hills), _BOX, mode="smooth")
    simple(learner, npoints_goal=70)
    mesh = learner._mesh
    learner.loss()
    assert mesh.values is not None
    fresh = LocalPolynomials(2)
    fresh.update(mesh.points[: mesh.count], mesh.values[: mesh.count], np.array(list(mesh.slot_of)))
    assert _model(learner).misses() == pytest.approx(fresh.misses())
    assert (_model(learner).rough == fresh.rough).all()


def test_smooth_from_cell_to_cell() -> None:
    """The gradient of the prediction does not jump at the edges of triangles."""
    learner = Learner2D(_number(_hills), _BOX, mode="smooth")
    simple(learner, npoints_goal=150)
    assert not _model(learner).rough.all()
    t, h = np.linspace(-0.9, 0.9, 1001), 1e-5
    line = np.column_stack([t, 0.37 * t + 0.1])
    step = np.array([h, 0.37 * h])
    slopes = (learner.predict(line + step) - learner.predict(line - step)) / (2 * h)
    linear = Learner2D(_number(_hills), _BOX)
    linear.tell_many(list(learner.data), list(learner.data.values()))
    edges = (linear.predict(line + step) - linear.predict(line - step)) / (2 * h)
    assert np.abs(np.diff(slopes)).max() < 0.2 * np.abs(np.diff(edges)).max()


def test_fewer_evaluations() -> None:
    """A smooth function takes a fifth of the evaluations, or fewer."""
    smooth, linear = Learner2D(_number(_hills), _BOX, mode="smooth"), Learner2D(_number(_hills), _BOX)
    simple(smooth, npoints_goal=120)
    simple(linear, npoints_goal=600)
    assert _rms(smooth, _hills) < _rms(linear, _hills)


def test_steps_are_linear() -> None:
    """At a step the prediction does not overshoot, and it is about as good as in the linear mode."""
    smooth, linear = Learner2D(_number(_step), _BOX, mode="smooth"), LearnerND(_number(_step), _BOX)
    simple(smooth, npoints_goal=150)
    simple(linear, npoints_goal=150)
    predicted = smooth.predict(_GRID)
    assert np.mean((predicted < -0.05) | (predicted > 1.05)) < 0.01
    assert _rms(smooth, _step) < 1.3 * _rms(linear, _step)


def test_axes_are_stretched() -> None:
    """The axis along which the function changes faster is longer; a loaded learner has the same axes and points."""

    def waves(point: Any) -> float:
        return math.sin(9 * point[0]) + 0.2 * math.sin(point[1])

    learner = Learner2D(waves, _BOX, mode="auto")
    assert learner.aspect_ratio == 1
    simple(learner, npoints_goal=90)
    assert learner.aspect_ratio < 0.7
    loaded = learner.new()
    loaded.copy_from(learner)
    assert loaded.aspect_ratio == learner.aspect_ratio
    assert loaded.ask(10)[0] == learner.ask(10)[0]
    with pytest.raises(ValueError, match="learned from the data"):
        learner.aspect_ratio = 1.0


def test_estimated_error() -> None:
    """The estimate is zero at the points, and elsewhere seldom far below the true error."""
    learner = Learner2D(_number(_hills), _BOX, mode="smooth")
    simple(learner, npoints_goal=100)
    assert learner.predict(list(learner.data), return_error=True)[1] == pytest.approx(0, abs=1e-9)
    values, errors = learner.predict(_GRID, return_error=True)
    true = np.abs(values - _hills(_GRID))
    assert np.mean(true > 3 * errors + 1e-6) < 0.1
    assert 0.3 < learner.largest_error() / true.max() < 30


@pytest.mark.parametrize("make", [Learner2D, LearnerND])
def test_error_goal(make: Any) -> None:
    """An error goal ends with a checked claim that holds, after few points."""
    learner = make(_number(_hills), _BOX, mode="smooth")
    simple(learner, error_goal=0.01)
    claim = learner.claim()
    assert claim is not None
    assert claim.basis == "checked"
    assert np.mean(np.abs(learner.predict(_GRID) - _hills(_GRID)) > claim.error) <= claim.fraction
    assert learner.npoints < 200


@pytest.mark.parametrize(("make", "ndim"), [(Learner2D, 2), (LearnerND, 3)])
def test_values_that_come_in_any_order(make: Any, ndim: int) -> None:
    """The first cell may be complete while corners of the domain are pending; no polynomial is tested then."""
    draw = random.Random(5)
    learner, points = make(sum, [(-1, 1)] * ndim, mode="smooth"), []
    for _ in range(40):
        points += learner.ask(16 - len(points))[0]
        point = points.pop(draw.randrange(len(points)))
        learner.tell(point, point[0] + 0.3 * point[1])
    assert learner.npoints == 40


@pytest.mark.slow
def test_error_goal_at_a_step() -> None:
    """A step is resolved to small cells, which the claim reports."""
    learner = Learner2D(_number(_step), _BOX, mode="smooth")
    simple(learner, error_goal=0.01)
    claim = learner.claim()
    assert claim is not None
    assert claim.basis == "checked"
    assert 0 < claim.unresolved <= 0.02


def test_check_while_axes_change() -> None:
    """A check that began before the axes were stretched compares with the prediction of that moment."""
    learner = Learner2D(lambda point: math.sin(6 * point[0]), _BOX, mode="smooth")
    simple(learner, npoints_goal=50)
    learner.set_error_goal(0.5)
    goal = learner._goal
    assert goal is not None
    goal.begin_check(learner.npoints, [])
    first, second = list(goal.open_places)[:2]
    learner.tell(first, learner.function(first))
    learner._next_stretch = learner.npoints
    before = learner.aspect_ratio
    learner._domain.with_spans((1.0, 1.0))
    learner._rebuild()
    assert learner.aspect_ratio != before
    learner.tell(second, learner.function(second))
    assert goal.check.failed == 0
    assert goal.check.passed == 2


def test_images_show_the_smooth_interpolant() -> None:
    """The grid of a plot has the values of `predict`; holes are in the same places."""

    def holed(point: Any) -> float:
        return math.nan if point[0] > 0.6 else float(_hills(point))

    learner = Learner2D(holed, _BOX, mode="smooth")
    simple(learner, npoints_goal=120)
    xs, ys, zs = learner.interpolated_on_grid(31)
    predicted = learner.predict(np.stack(np.meshgrid(xs, ys, indexing="ij"), axis=-1))
    assert 0.05 < np.isnan(zs).mean() < 0.5
    assert zs == pytest.approx(predicted, nan_ok=True)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Learner2D(abs, _BOX, mode=_NO_MODE), "'linear', 'smooth' or 'auto'"),
        (lambda: Learner2D(abs, _BOX, lambda ip: ip, mode="smooth"), "leave the loss out"),
        (lambda: LearnerND(abs, _BOX, lambda *_: 1.0, mode="auto"), "leave the loss out"),
        (lambda: LearnerND(abs, _BOX, anisotropic=True, mode="smooth"), "leave `anisotropic` out"),
        (lambda: LearnerND(abs, [(0, 1)] * 4, mode="smooth"), "2 to 3 numbers"),
    ],
)
def test_what_does_not_go_together(make: Any, message: str) -> None:
    """Modes that do not exist, and arguments without a meaning in a mode, are refused."""
    with pytest.raises(ValueError, match=message):
        make()


def test_automatic_above_three_dimensions() -> None:
    """Above three dimensions "auto" is linear."""
    learner = LearnerND(sum, [(0, 1)] * 4, mode="auto")
    simple(learner, npoints_goal=30)
    assert learner.predict([[0.3, 0.2, 0.5, 0.5]]) == pytest.approx(1.5)


def test_few_points_in_space() -> None:
    """A global interpolant predicts a smooth function of three numbers, and none with a step."""
    places = np.random.default_rng(4).uniform(-0.9, 0.9, (300, 3))

    def bell(point: Any) -> Any:
        return np.exp(-2 * ((np.asarray(point) - 0.2) ** 2).sum(axis=-1))

    learner = LearnerND(_number(bell), [(-1, 1)] * 3, mode="smooth")
    simple(learner, npoints_goal=80)
    values, errors = learner.predict(places, return_error=True)
    true = np.abs(values - bell(places))
    assert np.sqrt(np.mean(true**2)) < 0.02
    assert np.mean(true > 3 * errors) < 0.2
    assert learner.predict(list(learner.data)) == pytest.approx(np.array(list(learner.data.values())), abs=1e-6)
    simple(step := LearnerND(_number(lambda p: _step(p[:2])), [(-1, 1)] * 3, mode="smooth"), npoints_goal=80)
    predicted = step.predict(places)
    assert predicted.min() > -0.01
    assert predicted.max() < 1.01
