"""`LearnerND`: points of python-adaptive 1.5.2 where the rules are the same, and what it does better."""

from __future__ import annotations

import itertools
import math
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial import ConvexHull

from adaptive_calib import BlockingRunner
from adaptive_calib.learner._domain_nd import DomainND
from adaptive_calib.learner.learner2D import Learner2D
from adaptive_calib.learner.learnerND import (
    LearnerND,
    choose_point_in_simplex,
    curvature_loss_function,
    default_loss,
    level_loss_function,
    orientation,
    std_loss,
    triangle_loss,
    uniform_loss,
    volume,
)
from adaptive_calib.runner import SequentialExecutor, simple

BOX = [(-1, 1), (-1, 1)]


def ring(p):
    x, y = p
    return x + math.exp(-((x * x + y * y - 0.75**2) ** 2) / 0.2**4)


def bump(p):
    return math.exp(-sum((x - 0.1 * (i + 2)) ** 2 for i, x in enumerate(p)) / 0.1)


def run(learner, n, function=None):
    points = []
    for _ in range(n):
        for point in learner.ask(1)[0]:
            learner.tell(point, (function or learner.function)(point))
            points.append(point)
    return points


# ------------------------------------------------------------------------------------------- points of the peer


def test_points_of_the_peer():
    """With the default loss the points and the loss are those of python-adaptive."""
    learner = LearnerND(ring, BOX)
    points = run(learner, 16)
    expected = [
        (-1 / 3, 1 / 3), (-1 / 9, -5 / 9), (0.62963, -0.185185), (0.432099, 0.382716), (-1, 0), (0, 1), (0, -1),
        (-0.703704, -0.518519), (0.543210, -0.728395), (1, 0), (-0.004115, 0.053498), (-7 / 9, 4 / 9),
    ]  # fmt: skip
    assert points[:4] == [(-1, -1), (-1, 1), (1, -1), (1, 1)]
    assert np.array(points[4:]) == pytest.approx(np.array(expected), abs=1e-6)
    assert learner.loss() == pytest.approx(0.10912142, rel=1e-7)


def test_first_points_of_the_peer():
    """Before anything is told: the corners, then random points, always the same."""
    points, improvements = LearnerND(ring, BOX).ask(7)
    expected = [(-0.731272, 0.694867), (0.527549, -0.489862), (-0.00913, -0.101018)]
    assert np.array(points[4:]) == pytest.approx(np.array(expected), abs=1e-6)
    assert improvements == [math.inf] * 7


TRIANGLE = np.array([(0, 0), (1, 0), (0, 1)], float)
NEIGHBORS = ([np.array((1, 1)), None, np.array((-1, 0.5))], [0.3, None, 0.1])


@pytest.mark.parametrize(
    ("loss", "values", "more", "expected"),
    [
        (default_loss, (0, 0.5, 1), (), 0.75),
        (default_loss, (0, 0, 1), (), 0.707106781),
        (default_loss, [(0, 0), (0.5, 0), (1, 0)], (), 0.75),
        (std_loss, (0, 0.5, 1), (), 0.788675135),
        (uniform_loss, (0, 0.5, 1), (), 0.5),
        (triangle_loss, (0, 0.5, 1), NEIGHBORS, 0.108333333),
        (curvature_loss_function(), (0, 0.5, 1), NEIGHBORS, 0.589585357),
        (triangle_loss, (0, 0.5, 1), ([None] * 3, [None] * 3), 0.0),
    ],
)
def test_losses(loss, values, more, expected):
    """The losses of one simplex have python-adaptive's values."""
    assert loss(TRIANGLE, np.array(values, float), 1.0, *more) == pytest.approx(expected, rel=1e-8)


def test_helpers():
    """Volume, orientation and the place in a simplex."""
    assert volume(TRIANGLE) == pytest.approx(0.5)
    assert volume(np.eye(4)[:, :3]) == pytest.approx(1 / 6)
    assert (orientation(TRIANGLE), orientation(TRIANGLE[::-1])) == (1, -1)
    # acute: the centroid; obtuse: the middle of the longest edge; a stretch can make the one the other
    assert choose_point_in_simplex([(0, 0), (1, 0), (0.5, 0.8)]) == pytest.approx([0.5, 0.8 / 3])
    assert choose_point_in_simplex([(0, 0), (1, 0), (0.5, 0.1)]) == pytest.approx([0.5, 0.0])
    stretched = choose_point_in_simplex([(0, 0), (1, 0), (0.5, 0.1)], np.diag([1, 8]))
    assert stretched == pytest.approx([0.5, 0.1 / 3])


# ------------------------------------------------------------------------------------------- triangulation and losses


@pytest.mark.parametrize("loss", [None, uniform_loss, std_loss, curvature_loss_function()])
@pytest.mark.parametrize("ndim", [2, 3])
def test_kept_losses_are_the_losses(loss, ndim):
    """The loss kept for each simplex is what the loss function gives for it, with the scale at its last computation."""
    learner = LearnerND(bump, [(-1, 1)] * ndim, loss)
    run(learner, 40)
    learner.tell((0.123,) * ndim, 0.0)
    mesh = learner._mesh
    assert sum(learner.tri.volumes()) == pytest.approx(2.0**ndim)
    function = loss or default_loss
    kept = mesh.losses()
    assert set(kept) == learner.tri.simplices
    for cell, number in kept.items():
        scale = float(mesh.scale[mesh.slot_of[cell]])
        at = mesh.points[list(cell)]
        values = mesh.values[list(cell), 0] * scale
        more = []
        if learner.nth_neighbors:
            across = mesh.tri.get_opposing_vertices(cell)
            more = [
                [None if v is None else mesh.points[v] for v in across],
                [None if v is None else mesh.values[v, 0] * scale for v in across],
            ]
        assert number == pytest.approx(function(at, values, scale, *more), rel=1e-6, abs=1e-9)


def test_values_of_any_size_are_resolved_alike():
    """Values of the order 1e-3 lead to the same points as the same function times 1."""
    small = LearnerND(ring, BOX)
    plain = LearnerND(ring, BOX)
    assert run(small, 60, lambda p: ring(p) / 1024) == run(plain, 60)


def test_neighbors_are_the_ones_across_the_faces():
    """A loss with neighbours is computed again for each simplex whose neighbour changes, with the neighbour of now."""
    seen = {}

    def loss(simplex, values, value_scale, neighbors, neighbor_values):
        seen[tuple(sorted(map(tuple, simplex.round(7).tolist())))] = sum(n is not None for n in neighbors)
        return triangle_loss(simplex, values, value_scale, neighbors, neighbor_values)

    loss.nth_neighbors = 1
    learner = LearnerND(bump, BOX, loss)
    run(learner, 30)
    # the loss sees x / 2
    corners = [np.array(learner.tri.get_vertices(simplex)) / 2 for simplex in learner.tri.simplices]
    faces = sum(seen[tuple(sorted(map(tuple, simplex.round(7).tolist())))] for simplex in corners)
    assert faces == 3 * len(corners) - len(learner.tri.hull)


def test_too_many_neighbors():
    """A loss that wants second neighbours is refused."""

    def loss(*args):
        return 0.0

    loss.nth_neighbors = 2
    with pytest.raises(NotImplementedError, match="0 or 1"):
        LearnerND(bump, BOX, loss)


# ------------------------------------------------------------------------------------------- pending points


def test_resumed_after_unfinished_points():
    """Forgetting many pending points gives all simplices back: the learner goes on as if it had never asked."""
    learner, untouched = LearnerND(ring, BOX), LearnerND(ring, BOX)
    run(learner, 40)
    run(untouched, 40)
    learner.ask(60)
    assert learner.loss(real=False) < learner.loss()
    learner.remove_unfinished()
    assert learner.loss(real=False) == learner.loss() == untouched.loss()
    assert run(learner, 30) == run(untouched, 30)


@settings(max_examples=15, deadline=None, derandomize=True)
@given(st.lists(st.integers(0, 9), min_size=60, max_size=60), st.integers(2, 3))
def test_pending_points_in_any_order(order, ndim):
    """With ten points in flight told in any order, the simplices fill the domain and no point comes twice."""
    learner = LearnerND(bump, [(-1, 1)] * ndim)
    flying, told = [], []
    for k in order:
        flying += learner.ask(10 - len(flying))[0]
        point = flying.pop(k)
        learner.tell(point, bump(point))
        told.append(point)
        assert learner.pending_points == set(flying)
    assert len(set(told)) == len(told)
    assert sum(learner.tri.volumes()) == pytest.approx(2.0**ndim)
    for point, (u, cells) in learner._mesh.pending.items():
        assert sorted(cells) == learner._mesh.tri.simplices_containing(u), point


def test_expected_loss():
    """The expected loss is the largest share: asking for enough points brings it down."""
    learner = LearnerND(ring, BOX)
    run(learner, 50)
    real = learner.loss()
    expected = [learner.loss(real=False)]
    for _ in range(8):
        learner.ask(10)
        expected.append(learner.loss(real=False))
    assert expected[0] == real == learner.loss()
    assert expected == sorted(expected, reverse=True)
    assert expected[-1] < real / 2


# ------------------------------------------------------------------------------------------- anisotropic


def test_anisotropic_points_stay_inside():
    """With very different ranges every point lies in the domain."""
    learner = LearnerND(lambda p: math.tanh(20 * (p[0] - p[1] / 50 - 0.1)), [(-1, 1), (-50, 50)], anisotropic=True)
    for x, y in run(learner, 80):
        assert -1 <= x <= 1
        assert -50 <= y <= 50


def test_anisotropic_points_gather_at_a_front():
    """A front is met with shorter distances across than along it: more points near it than without."""

    def front(p):
        return math.tanh(30 * (p[0] + 0.35 * p[1] - 0.1))

    def near(learner):
        return sum(abs(x + 0.35 * y - 0.1) < 0.1 for x, y in run(learner, 200))

    assert near(LearnerND(front, BOX, anisotropic=True)) >= near(LearnerND(front, BOX))


def test_anisotropic_matrix():
    """The matrix divides by the ranges, and stretches by sqrt(m^2 + 1) along the gradient."""
    learner = LearnerND(lambda p: p[0], [(-1, 1), (-50, 50)], anisotropic=True)
    run(learner, 12)
    matrix = learner.get_local_transform_matrix(min(learner.tri.simplices))
    assert matrix == pytest.approx(np.array([[math.sqrt(2) / 2, 0], [0, 0.01]]), abs=1e-9)
    with pytest.raises(ValueError, match="numbers"):
        learner.tell((0.3, 0.2), [1.0, 2.0])


# ------------------------------------------------------------------------------------------- domains


def test_hull():
    """All points lie in the hull, the corners come first, and the simplices fill it."""
    hull = ConvexHull([(0, 0), (10, 0), (5, 8), (2, 7), (3, 3)])
    learner = LearnerND(lambda p: p[0] * math.sin(p[1]), hull)
    points = run(learner, 100)
    assert set(points[:4]) == {(0.0, 0.0), (2.0, 7.0), (5.0, 8.0), (10.0, 0.0)}
    assert all(learner.inside_bounds(p) for p in points)
    assert sum(learner.tri.volumes()) == pytest.approx(hull.volume)
    assert not learner.inside_bounds((8, 7))


def test_bounds_as_points():
    """In three dimensions the points of the hull may be given as they are."""
    cross = np.concatenate([np.eye(3), -np.eye(3)])
    learner = LearnerND(bump, cross)
    points = run(learner, 60)
    assert all(sum(map(abs, p)) <= 1 + 1e-8 for p in points)
    assert sum(learner.tri.volumes()) == pytest.approx(4 / 3)


def test_logarithmic_dimension():
    """On a logarithmic scale the learner does what it would do for the function of ln x."""
    log = LearnerND(lambda p: bump((math.log10(p[0]), p[1])), [(0.1, 10), (-1, 1)], x_scale=("log", "linear"))
    plain = LearnerND(bump, BOX)
    ours = [(math.log10(x), y) for x, y in run(log, 60)]
    assert np.array(ours) == pytest.approx(np.array(run(plain, 60)), abs=1e-9)


def test_integers_until_none_is_left():
    """A lattice is asked for completely, each point once, as Python ints; then `ask` has no more."""
    learner = LearnerND(bump, [(0, 6), (-2, 3)], integer=True)
    points = run(learner, 60)
    assert sorted(points) == sorted(itertools.product(range(7), range(-2, 4)))
    assert all(type(x) is int for p in points for x in p)
    assert learner.ask(3) == ([], [])
    assert learner.loss() == 0.0


def test_one_integer_dimension():
    """Integers in one dimension leave the other free."""
    learner = LearnerND(lambda p: math.sin(p[0]) + p[1] ** 2, [(1, 8), (-1, 1)], integer=(True, False))
    points = run(learner, 150)
    assert len(set(points)) == 150
    assert all(type(x) is int and 1 <= x <= 8 for x, _ in points)
    assert {x for x, _ in points} == set(range(1, 9))


@pytest.mark.parametrize("ndim", [2, 3])
def test_minimum_spacing(ndim):
    """No two asked points are nearer than the minimum spacing, also at a singularity and with points in flight."""
    learner = LearnerND(lambda p: 1 / (1e-9 + math.hypot(*p)), [(-1, 1)] * ndim, min_spacing=0.04)
    told = []
    for _ in range(30):
        points = learner.ask(5)[0]
        told += points
        learner.tell_many(points, map(learner.function, points))
    distances = [math.dist(a, b) / 2 for a, b in itertools.combinations(told, 2)]
    assert min(distances) >= 0.04 * (1 - 1e-6)


def test_exploration():
    """With exploration a region cannot take all points: the largest simplex is much smaller than without."""

    def spread(simplex, values, value_scale):
        return float(np.ptp(values))

    def largest(learner):
        run(learner, 200, lambda p: math.tanh(1e4 * (p[0] - 0.3 + p[1] / 7)))
        return max(learner.tri.volumes())

    assert largest(LearnerND(ring, BOX, spread, exploration=0.5)) < 0.1 < largest(LearnerND(ring, BOX, spread))


def test_no_corner_explosion():
    """In seven dimensions 128 corners are not asked for first, and points outside the first hull come all the same."""
    learner = LearnerND(bump, [(-1, 1)] * 7)
    points = run(learner, 60)
    corners = [all(abs(x) == 1 for x in p) for p in points]
    assert not any(corners[:15])
    assert any(corners)
    assert learner.bounds_are_done
    assert math.isfinite(learner.loss())
    assert LearnerND(bump, [(-1, 1)] * 5, corners=True).ask(32)[0][31] == (1, 1, 1, 1, 1)


def test_too_many_dimensions():
    """Where a triangulation is out of reach, the error says so."""
    with pytest.raises(ValueError, match="at most 10 dimensions"):
        LearnerND(bump, [(0, 1)] * 11)


# ------------------------------------------------------------------------------------------- telling


def test_points_outside_and_duplicates():
    """A point outside is kept and not used; one as good as told already is kept, and harms nothing."""
    learner = LearnerND(ring, BOX)
    learner.tell((3, 3), 100.0)
    points = run(learner, 30)
    loss, cells = learner.loss(), learner.tri.simplices
    x, y = points[10]
    learner.tell((x + 1e-13, y), 5.0)
    assert learner.npoints == 32
    assert len(learner.points) == len(learner.values) == 30
    assert (learner.loss(), learner.tri.simplices) == (loss, cells)
    learner.tell(points[10], 99.0)
    assert learner.data[points[10]] == ring(points[10])
    run(learner, 10)


def test_none_is_pending():
    """Telling None marks a point as under way."""
    learner = LearnerND(ring, BOX)
    learner.tell((0.5, 0.5), None)
    assert learner.pending_points == {(0.5, 0.5)}
    learner.tell_pending((7, 7))
    learner.tell_pending((0.25, 0.5), simplex=(0, 1, 2))
    assert learner.pending_points == {(0.5, 0.5), (0.25, 0.5)}
    # but it is no value of a point that was asked for, as a function returns that has no `return`
    with pytest.raises(TypeError, match="is None"):
        simple(LearnerND(lambda point: None, BOX), npoints_goal=5)


def test_tell_many_at_once():
    """Thousands of points told at once give the same triangulation as one by one, in little time."""
    rng = np.random.default_rng(1)
    points = [tuple(p) for p in rng.uniform(-1, 1, (400, 2)).tolist()]
    points = [*itertools.product((-1, 1), (-1, 1)), *points]
    bulk, single = LearnerND(ring, BOX), LearnerND(ring, BOX)
    bulk.tell_many(points, map(ring, points))
    for point in points:
        single.tell(point, ring(point))
    assert bulk.tri.simplices == single.tri.simplices
    assert bulk.loss() == pytest.approx(single.loss(), rel=1e-12)
    assert bulk.ask(5)[0] == single.ask(5)[0]


@pytest.mark.parametrize("point", [(0.1,), (0.1, 0.2, 0.3), (math.nan, 0.0), (math.inf, 0.0), 0.3, ("a", "b"), None])
def test_bad_points(point):
    """A point that is none is refused by every method, and nothing has changed."""
    learner = LearnerND(ring, BOX)
    run(learner, 10)
    before = learner.data.copy(), learner.loss(), learner.ask(3, tell_pending=False)
    for call in (
        lambda: learner.tell(point, 1.0),
        lambda: learner.tell_pending(point),
        lambda: learner.tell_failed(point),
        lambda: learner.tell_many([(0.5, 0.6), point], [1.0, 2.0]),
    ):
        with pytest.raises((ValueError, TypeError), match="point should be"):
            call()
    assert (learner.data, learner.loss(), learner.ask(3, tell_pending=False)) == before


@pytest.mark.parametrize("value", ["a", 1j, [[1.0]], [], [1.0, 2.0], object(), [None]])
def test_bad_values(value):
    """A value that is none, or of another shape, is refused, and nothing has changed."""
    learner = LearnerND(ring, BOX)
    run(learner, 10)
    before = learner.data.copy(), learner.loss(), learner.ask(3, tell_pending=False)
    with pytest.raises((ValueError, TypeError), match="the value at"):
        learner.tell((0.111, 0.222), value)
    with pytest.raises((ValueError, TypeError), match="the value at"):
        learner.tell_many([(0.5, 0.6), (0.111, 0.222)], [1.0, value])
    assert (learner.data, learner.loss(), learner.ask(3, tell_pending=False)) == before


@pytest.mark.parametrize(
    "bounds",
    [
        [(1, -1), (0, 1)], [(0, 0), (0, 1)], [(0, math.inf), (0, 1)], [(math.nan, 1), (0, 1)], [(0, 1)], 3, [1, 2],
        [("a", "b"), (0, 1)], [(0, 1, 2)], [], [(0, 0, 0), (1, 0, 0), (0, 1, 0), (1, 1, 0)],
    ],
)  # fmt: skip
def test_bad_bounds(bounds):
    """Bounds that are none are refused with what was expected."""
    with pytest.raises((ValueError, TypeError), match=r"bounds|dimension"):
        LearnerND(ring, bounds)


def test_bad_parameters():
    """Other parameters that make no sense are refused."""
    with pytest.raises(TypeError, match="one of them"):
        LearnerND(ring, BOX, function=ring)
    with pytest.raises(TypeError, match="one of them"):
        LearnerND(bounds=BOX)
    with pytest.raises(TypeError, match="missing"):
        LearnerND(ring)
    with pytest.raises(TypeError, match="loss_per_simplex"):
        LearnerND(ring, BOX, "default")
    with pytest.raises(ValueError, match="x_scale"):
        LearnerND(ring, BOX, x_scale="logarithmic")
    with pytest.raises(ValueError, match="positive"):
        LearnerND(ring, BOX, x_scale="log")
    with pytest.raises(ValueError, match="one for all"):
        LearnerND(ring, BOX, integer=[True])
    with pytest.raises(ValueError, match="exploration"):
        LearnerND(ring, BOX, exploration=2)
    with pytest.raises(ValueError, match="min_spacing"):
        LearnerND(ring, BOX, min_spacing=-1)
    with pytest.raises(ValueError, match="triangulation_backend"):
        LearnerND(ring, BOX, triangulation_backend="fortran")
    assert LearnerND(function=ring, bounds=BOX).function is ring


def test_invalid_values_change_no_scale():
    """NaN and inf are counted, are no part of the scale, and their surroundings do not take all points."""
    learner = LearnerND(ring, BOX)
    points = run(learner, 200, lambda p: math.nan if p[0] > 0.5 else math.inf if p[1] > 0.9 else ring(p))
    assert learner.ninvalid == sum(p[0] > 0.5 or p[1] > 0.9 for p in points)
    assert math.isfinite(learner.loss())
    assert sum(p[0] > 0.55 for p in points) < 40
    vector = LearnerND(ring, BOX)
    run(vector, 30, lambda p: [p[0], math.nan] if p[1] > 0.5 else [p[0], p[1]])
    assert math.isfinite(vector.loss())


# ------------------------------------------------------------------------------------------- what comes out


def test_predict_linear_functions():
    """A linear function is predicted exactly, with an error of zero; outside and beside failed points there is NaN."""
    learner = LearnerND(lambda p: 2 * p[0] - p[1] + 3, BOX)
    run(learner, 40)
    grid = np.random.default_rng(0).uniform(-1, 1, (5, 6, 2))
    value, error = learner.predict(grid, return_error=True)
    assert value == pytest.approx(2 * grid[..., 0] - grid[..., 1] + 3)
    assert error == pytest.approx(0, abs=1e-8)
    assert np.isnan(learner.predict([(2, 0), (math.nan, 0)])).all()
    learner.tell_failed((0.01, 0.02))
    assert np.isnan(learner.predict((0.01, 0.02)))
    with pytest.raises(ValueError, match="shape"):
        learner.predict([1, 2, 3])


@pytest.mark.parametrize("ndim", [2, 3])
def test_estimated_error(ndim):
    """The estimated error agrees with the true one within a factor of two, in the mean over the domain."""
    learner = LearnerND(lambda p: math.sin(2 * p[0]) * math.cos(p[1] + 0.2), [(-1, 1)] * ndim, uniform_loss)
    run(learner, 300)
    points = np.random.default_rng(3).uniform(-0.9, 0.9, (500, ndim))
    value, error = learner.predict(points, return_error=True)
    true = np.abs(value - [learner.function(p) for p in points])
    assert 0.5 < error.mean() / true.mean() < 2


@pytest.mark.parametrize("make", [Learner2D, LearnerND])
def test_a_run_ends_by_its_error(make):
    """`error_goal` ends a run of a smooth function when its true error is below, and not long after that."""
    learner = make(lambda p: math.exp(-2 * (p[0] ** 2 + 2 * p[1] ** 2)), BOX)
    assert learner.largest_error() == math.inf
    runner = BlockingRunner(learner, error_goal=0.05, executor=SequentialExecutor())
    assert "error at most 0.05; checked at" in runner.stop_reason
    points = np.random.default_rng(3).uniform(-1, 1, (5000, 2))
    true = np.abs(learner.predict(points) - [learner.function(p) for p in points]).max()
    assert 0.01 < true < 0.05


def test_largest_error_of_what_is_known():
    """It is that of linear functions, 0; told again or failed points count; a function without values has none."""
    learner = LearnerND(lambda p: 2 * p[0] - p[1], BOX)
    run(learner, 49)
    assert learner.largest_error() == math.inf
    run(learner, 1)
    assert learner.largest_error() == pytest.approx(0, abs=1e-9)
    learner.tell((0.1234, 0.2), 5.0)
    assert learner.largest_error() > 1
    copy = LearnerND(learner.function, BOX)
    copy.copy_from(learner)
    assert copy.largest_error() == pytest.approx(learner.largest_error())
    nothing = LearnerND(lambda p: math.nan, BOX)
    run(nothing, 60)
    assert nothing.largest_error() == math.inf


def test_largest_error_serves_a_while():
    """With many points the estimate is renewed when 2 % more are told; the renewed one is what a copy says."""
    learner = LearnerND(ring, BOX)
    run(learner, 600)
    first = learner.largest_error()
    run(learner, 12)
    assert learner.largest_error() == first
    run(learner, 1)
    copy = LearnerND(ring, BOX)
    copy.copy_from(learner)
    assert learner.largest_error() == copy.largest_error() != first


def test_vectors():
    """Vector values: predicted component by component, as columns in to_numpy."""
    learner = LearnerND(lambda p: [p[0], p[1], p[0] + p[1]], BOX)
    run(learner, 30)
    assert learner.vdim == 3
    assert learner.predict([(0.1, 0.2)]) == pytest.approx(np.array([[0.1, 0.2, 0.3]]))
    table = learner.to_numpy()
    assert table.shape == (30, 5)
    assert (np.diff(table[:, 0]) >= 0).all()
    assert LearnerND(ring, BOX).to_numpy().shape == (0,)


def test_face():
    """The attributes that users know."""
    learner = LearnerND(ring, BOX)
    assert learner.tri is None
    assert learner.loss() == math.inf
    assert not learner.bounds_are_done
    run(learner, 20)
    assert learner.bounds_are_done
    assert (learner.ndim, learner.vdim, learner.npoints) == (2, 1, 20)
    assert learner.points.shape == (20, 2)
    assert learner.values == pytest.approx([ring(p) for p in learner.points])
    assert learner.tri.vertices == [tuple(p) for p in learner.points]
    assert all(len(s) == 3 for s in learner.tri.simplices)
    assert learner.tri.get_vertices((0, 3)) == [(-1, -1), (1, 1)]
    assert learner.tri.get_vertex(None) is None
    assert learner.tri.vertex_to_simplices[0] <= learner.tri.simplices
    assert learner.get_local_transform_matrix((0, 1, 2)) == pytest.approx(np.eye(2) / 2)
    assert pickle.loads(pickle.dumps(learner)).predict((0.1, 0.1)) == learner.predict((0.1, 0.1))


def test_a_loss_that_fails():
    """When a user's loss raises, the value is not counted; told again, the learner goes on as if nothing had been."""
    broken = [False]

    def loss(simplex, values, value_scale):
        if broken[0]:
            raise RuntimeError("no loss today")
        return default_loss(simplex, values, value_scale)

    learner, sound = LearnerND(ring, BOX, loss), LearnerND(ring, BOX, loss)
    run(learner, 20)
    run(sound, 21)
    (point,), _ = learner.ask(1)
    broken[0] = True
    with pytest.raises(RuntimeError, match="today"):
        learner.tell(point, ring(point))
    assert learner.npoints == 20
    broken[0] = False
    learner.tell(point, ring(point))
    assert learner.loss() == pytest.approx(sound.loss(), rel=0.2)
    assert learner.tri.simplices == sound.tri.simplices
    assert len(run(learner, 10)) == 10


@pytest.mark.parametrize("bounds", [BOX, [(-1, 3), (0.5, 8)], ConvexHull([(0, 0), (2, 0.3), (1, 2), (0.2, 1.5)])])
@pytest.mark.parametrize("scale", ["linear", "log"])
def test_coordinates_of_many_points(bounds, scale):
    """Many points at once have the coordinates of each, and lie inside where each does."""
    if scale == "log":
        bounds = [(0.1, 10), (1, 1000)]
    domain = DomainND(bounds, scale)
    (x0, x1), (y0, y1) = domain.bbox
    rng = np.random.default_rng(5)
    xs = rng.uniform((x0 - 0.5, y0 - 0.5), (x1 + 0.5, y1 + 0.5), (400, 2))
    xs = np.concatenate([xs, [(x0, y0), (x1, y1), (math.nan, y0), (math.inf, y1)]])
    inside = domain.inside(xs)
    assert inside.tolist() == [np.isfinite(x).all() and domain.contains(tuple(x.tolist())) for x in xs]
    assert domain.us(xs[inside]) == pytest.approx(np.array([domain.u(tuple(x)) for x in xs[inside].tolist()]))


# ---------------------------------------------------------------------------------------------------- level


@pytest.mark.parametrize(("ndim", "n"), [(2, 150), (3, 400)])
def test_level(ndim, n):
    """Which side of a level a place is on is known better than with the default loss, and pickled losses go on."""
    places = np.random.default_rng(0).uniform(-1, 1, (4000, ndim))

    def ball(p):
        return float(np.exp(3 * sum(x * x for x in p)))

    wrong = []
    for loss in (default_loss, level_loss_function(2.5)):
        learner = LearnerND(ball, [(-1, 1)] * ndim, loss_per_simplex=loss)
        simple(learner, npoints_goal=n // 2)
        learner = pickle.loads(pickle.dumps(learner))
        simple(learner, npoints_goal=n)
        truth = np.exp(3 * (places**2).sum(axis=1)) < 2.5
        wrong.append(np.mean((learner.predict(places) < 2.5) != truth))
    assert wrong[1] < 0.5 * wrong[0]


def test_level_of_vectors_and_bad_exploration():
    """The level is that of the first component; no exploration would leave boundaries unseen."""
    learner = LearnerND(lambda p: [p[0] + p[1] ** 3, 7.0], [(-1, 1)] * 2, loss_per_simplex=level_loss_function(0.1))
    simple(learner, npoints_goal=80)
    assert np.median(np.abs(learner.values[:, 0] - 0.1)) < 0.1
    with pytest.raises(ValueError, match="above 0"):
        level_loss_function(0.1, exploration=0.0)
