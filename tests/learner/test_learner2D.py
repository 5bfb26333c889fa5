"""`Learner2D`: its losses, its face, and the incremental default loss."""

from __future__ import annotations

import itertools
import math
import pickle

import numpy as np
import pytest
from scipy.interpolate import LinearNDInterpolator
from scipy.spatial import ConvexHull

from adaptive_calib.learner.learner2D import (
    Learner2D,
    areas,
    choose_point_in_triangle,
    default_loss,
    deviations,
    minimize_triangle_surface_loss,
    resolution_loss_function,
    thresholded_loss_function,
    triangle_loss,
    uniform_loss,
)

BOX = [(-1, 1), (-1, 1)]
POINTS = np.array([(-0.5, -0.5), (-0.5, 0.5), (0.5, -0.5), (0.5, 0.5), (0.1, 0.2)])
VALUES = np.array([0, 1, 2, 1.5, 0.3])
ORDER = [(0, 2, 4), (0, 1, 4), (2, 3, 4), (1, 3, 4)]


def ring(p):
    x, y = p
    return x + math.exp(-((x * x + y * y - 0.75**2) ** 2) / 0.2**4)


def bent(p):
    return math.sin(3 * p[0] + 0.3) + math.exp(-((p[0] - 0.17) ** 2 + (p[1] - 0.34) ** 2) / 0.09)


def run(learner, n, function=None):
    points = []
    for _ in range(n):
        for point in learner.ask(1)[0]:
            learner.tell(point, (function or learner.function)(point))
            points.append(point)
    return points


def of_five_points(values):
    """Return a function of the loss of the four triangles in ORDER."""
    ip = LinearNDInterpolator(POINTS, np.asarray(values, float).reshape(5, -1))
    rows = [tuple(sorted(simplex)) for simplex in ip.tri.simplices.tolist()]
    return ip, [rows.index(each) for each in ORDER]


# ------------------------------------------------------------------------------------------------------- losses


@pytest.mark.parametrize(
    ("loss", "expected"),
    [
        (areas, (0.35, 0.3, 0.2, 0.15)),
        (default_loss, (1.01499259, 0.94255522, 0.93499328, 0.91379921)),
        (minimize_triangle_surface_loss, (0.54371408, 0.35, 0.3954823, 0.2939494)),
        (triangle_loss, (0.17916667, 0.19166667, 0.14166667, 0.15416667)),
        (uniform_loss, np.sqrt((0.35, 0.3, 0.2, 0.15))),
        (resolution_loss_function(0.4, 0.55), (math.inf, 0.94255522, 0.93499328, 0)),
        (resolution_loss_function(), (1.01499259, 0.94255522, 0.93499328, 0.91379921)),
        (thresholded_loss_function(), (1.01499259, 0.94255522, 0.93499328, 0.91379921)),
        (thresholded_loss_function(1.2, None, 0.5), (1.01499259, 0.94255522 / 2, 0.93499328, 0.91379921)),
        (thresholded_loss_function(None, 0.2, 0.5), (1.01499259, 0.94255522, 0.93499328 / 2, 0.91379921 / 2)),
    ],
)
def test_losses(loss, expected):
    """The losses have python-adaptive's values."""
    ip, rows = of_five_points(VALUES)
    assert np.asarray(loss(ip))[rows] == pytest.approx(np.array(expected), rel=1e-7)


def test_deviations():
    """The deviations have python-adaptive's values, component by component."""
    ip, rows = of_five_points(VALUES)
    expected = np.array([1.53816822, 1.55654575, 1.95654445, 2.24322992])
    assert deviations(ip)[:, rows] == pytest.approx(expected[None], rel=1e-7)
    ip, rows = of_five_points(np.column_stack([VALUES, VALUES / 2]))
    assert deviations(ip)[:, rows] == pytest.approx(np.array([expected, expected / 2]), rel=1e-6)


def test_surface_of_vectors():
    """The surface of a vector function is that of the graph in more dimensions."""
    ip, _ = of_five_points(np.column_stack([VALUES, np.zeros(5)]))
    plain, _ = of_five_points(VALUES)
    assert minimize_triangle_surface_loss(ip) == pytest.approx(minimize_triangle_surface_loss(plain))


def test_place_in_a_triangle():
    """The centroid of a good triangle, the middle of the longest edge of a thin one, whichever way round."""
    assert choose_point_in_triangle(np.array([(0, 0), (1, 0), (0, 1)]), 5) == pytest.approx([1 / 3, 1 / 3])
    thin = [(0, 0), (1, 0), (0.4, 0.05)]
    for corners in itertools.permutations(thin):
        assert choose_point_in_triangle(np.array(corners), 5) == pytest.approx([0.5, 0])
    assert choose_point_in_triangle(np.array(thin), 100) == pytest.approx([1.4 / 3, 0.05 / 3])


# --------------------------------------------------------------------------------------- losses kept incrementally


def kept_and_anew(learner):
    """Return the losses that the learner keeps, and the same computed anew from the data."""
    again = pickle.loads(pickle.dumps(learner))
    again._mesh.recompute()
    return learner._mesh.losses(), again._mesh.losses()


def minimal(ip):
    return np.sqrt(areas(ip)) + 0.1 * np.ptp(ip.values[ip.tri.simplices], axis=1).sum(axis=1)


@pytest.mark.parametrize(
    "loss",
    [None, uniform_loss, minimize_triangle_surface_loss, resolution_loss_function(0.02, 0.4),
     thresholded_loss_function(0.1, 1.0), minimal],
)  # fmt: skip
@pytest.mark.parametrize("vector", [False, True])
def test_kept_losses(loss, vector):
    """After many tells the losses are those computed anew, whichever points are invalid or told again."""
    learner = Learner2D(lambda p: [bent(p), p[0] * p[1]] if vector else bent(p), BOX, loss)
    points = run(learner, 60)
    learner.tell((0.111, 0.222), math.nan)
    learner.tell(points[20], [7.0, 1.0] if vector else 7.0)
    learner.tell_failed((-0.3, 0.2))
    learner.tell(points[20], learner.function(points[20]))
    run(learner, 10)
    kept, anew = kept_and_anew(learner)
    assert kept.keys() == anew.keys()
    assert list(kept.values()) == pytest.approx([anew[cell] for cell in kept], rel=1e-9)
    assert learner.loss() == max(kept.values())


@pytest.mark.parametrize("loss", [uniform_loss, minimize_triangle_surface_loss, minimal, triangle_loss])
def test_kept_losses_are_those_of_the_function(loss):
    """What is kept is what the function of the interpolator gives."""
    learner = Learner2D(bent, BOX, loss)
    run(learner, 40)
    expected = np.sort(loss(learner.interpolator(scaled=True)))
    assert sorted(learner._mesh.losses().values()) == pytest.approx(expected, rel=1e-7)


def test_default_loss_is_close_to_the_global_one():
    """Local gradients order the triangles nearly as the Clough-Tocher gradients of the default loss function do."""
    learner = Learner2D(ring, BOX)
    learner.tell_many(points := np.random.default_rng(5).uniform(-1, 1, (400, 2)).tolist(), map(ring, points))
    run(learner, 4)
    ip = learner.interpolator(scaled=True)
    theirs = dict(zip(map(tuple, np.sort(ip.tri.simplices, axis=1).tolist()), default_loss(ip).tolist(), strict=True))
    ours = learner._mesh.losses()
    both = [cell for cell in ours if cell in theirs]
    assert len(both) > 0.95 * len(ours)
    a, b = np.array([ours[cell] for cell in both]), np.array([theirs[cell] for cell in both])
    ranks = [np.argsort(np.argsort(each)) for each in (a, b)]
    assert np.corrcoef(*ranks)[0, 1] > 0.85
    assert 0.6 < np.median(a / b) < 1.6


def test_interpolates_as_well_as_with_the_global_loss():
    """With the same number of points the error is not larger than when the default loss is evaluated as a whole."""
    grid = np.random.default_rng(1).uniform(-1, 1, (4000, 2))
    truth = np.array([ring(p) for p in grid])

    def error(loss):
        learner = Learner2D(ring, BOX, loss)
        run(learner, 250)
        return np.abs(learner.predict(grid) - truth).mean()

    assert error(None) < 1.1 * error(lambda ip: default_loss(ip))


def test_a_plane_is_flat():
    """The gradients of a linear function are exact, also with invalid points: only the areas count."""
    learner = Learner2D(lambda p: 3 * p[0] - p[1] + 1, BOX)
    run(learner, 30)
    learner.tell((0.12, 0.13), math.nan)
    run(learner, 10)
    mesh = learner._mesh
    for cell, loss in mesh.losses().items():
        (ax, ay), (bx, by) = mesh.points[list(cell[1:])] - mesh.points[cell[0]]
        assert loss == pytest.approx(0.3 * abs(ax * by - ay * bx) / 2, abs=1e-12)


def test_a_users_loss_is_evaluated_once():
    """A loss of the interpolator is evaluated once for all that was told since, by loss or by ask."""
    calls = []

    def loss(ip):
        calls.append(len(ip.tri.points))
        return areas(ip)

    learner = Learner2D(bent, BOX, loss)
    run(learner, 20)
    calls.clear()
    points = learner.ask(5)[0]
    for _ in range(3):
        learner.loss()
        learner.ask(2)
    assert calls == [20]
    learner.tell_many(points, map(bent, points))
    assert calls == [20]
    learner.loss()
    assert calls == [20, 25]


def test_a_loss_of_wrong_length():
    """A loss that gives not one number for each triangle is refused when it is needed."""
    learner = Learner2D(bent, BOX, lambda ip: [1.0])
    run(learner, 4)
    with pytest.raises(ValueError, match="one number for each"):
        learner.loss()


# ------------------------------------------------------------------------------------------------------- the face


def test_first_points():
    """The corners come first, then the middle of the first triangle."""
    learner = Learner2D(ring, BOX)
    assert not learner.bounds_are_done
    assert learner.loss() == math.inf
    points = run(learner, 5)
    assert points[:4] == [(-1, -1), (-1, 1), (1, -1), (1, 1)]
    assert points[4] == pytest.approx((-1 / 3, 1 / 3))
    assert learner.bounds_are_done


def test_told_again():
    """A value told again replaces the old one."""
    learner = Learner2D(bent, BOX)
    points = run(learner, 20)
    learner.tell(points[7], 100.0)
    assert learner.npoints == 20
    assert learner.data[points[7]] == 100.0
    assert learner.predict(points[7]) == pytest.approx(100.0)
    learner.tell(points[7], math.nan)
    assert learner.ninvalid == 1
    learner.tell(points[7], bent(points[7]))
    assert learner.ninvalid == 0
    other = Learner2D(bent, BOX)
    run(other, 20)
    assert learner.loss() == pytest.approx(other.loss(), rel=1e-12)


def test_aspect_ratio():
    """A larger aspect ratio resolves y more finely; it may be set at any time and survives copies."""
    learner = Learner2D(bent, BOX, uniform_loss)
    learner.ask(2)
    learner.aspect_ratio = 4
    assert learner.pending_points == {(-1, -1), (-1, 1)}
    run(learner, 300)
    learner.remove_unfinished()
    run(learner, 2)
    assert learner.xy_scale == pytest.approx([2, 0.5])
    ip = learner.interpolator(scaled=True)
    assert ip.tri.points.max(axis=0) == pytest.approx([0.5, 2])
    edges = np.array(learner.edges())
    steps = np.abs(edges[:, 1] - edges[:, 0]).mean(axis=0)
    assert steps[1] < 0.5 * steps[0]
    xs, ys, zs = learner.interpolated_on_grid(40)
    assert (ys[0], ys[-1]) == pytest.approx((-1, 1))
    assert zs[len(xs) // 2, 3] == pytest.approx(float(learner.predict((xs[len(xs) // 2], ys[3]))), abs=1e-6)
    for copied in (pickle.loads(pickle.dumps(learner)), learner.new()):
        assert (copied.aspect_ratio, copied.stack_size) == (4, 10)
    learner.aspect_ratio = 1
    assert sum(kept_and_anew(learner)[0].values()) == pytest.approx(sum(kept_and_anew(learner)[1].values()))
    with pytest.raises(ValueError, match="positive"):
        learner.aspect_ratio = 0


def test_interpolators():
    """The scaled interpolator is kept until the next tell, has the box around 0, and follows copies and loads."""
    learner = Learner2D(bent, [(0, 2), (1, 5)])
    with pytest.raises(ValueError, match="three points with valid values"):
        learner.interpolator()
    run(learner, 30)
    ip = learner.interpolator(scaled=True)
    assert ip is learner.interpolator(scaled=True)
    assert ip.tri.points.min(axis=0) == pytest.approx([-0.5, -0.5])
    assert ip.values.shape == (30, 1)
    assert learner.interpolator()(1.2, 3.4) == pytest.approx(ip(0.1, 0.1))
    assert learner.xy_mean == pytest.approx([1, 3])
    with pytest.warns(DeprecationWarning, match="interpolator"):
        assert learner.ip() is ip
    run(learner, 1)
    assert learner.interpolator(scaled=True) is not ip
    other = Learner2D(bent, [(0, 2), (1, 5)])
    run(other, 5)
    other.loss(), other.interpolator(scaled=True)
    other.copy_from(learner)
    assert len(other.interpolator(scaled=True).values) == 31
    assert other.loss() == learner.loss()


@pytest.mark.parametrize("vector", [False, True])
def test_grid(vector):
    """The interpolant on a grid: first axis x, vectors at the end."""
    learner = Learner2D(lambda p: [p[0], p[1]] if vector else p[0] + 10 * p[1], [(0, 2), (1, 5)])
    run(learner, 30)
    xs, ys, zs = learner.interpolated_on_grid(7)
    assert (xs[0], xs[-1], ys[0], ys[-1]) == pytest.approx((0, 2, 1, 5))
    if vector:
        assert zs.shape == (7, 7, 2)
        assert zs[:, 0, 0] == pytest.approx(xs)
        assert zs[0, :, 1] == pytest.approx(ys)
    else:
        assert zs == pytest.approx(xs[:, None] + 10 * ys[None, :])
    assert len(learner.interpolated_on_grid()[0]) >= 10


@pytest.mark.parametrize("bounds", [[(0, 0), (1, 0), (0.2, 1), (0.3, 0.3)], None])
def test_hull(bounds):
    """Points of the plane as bounds, or a hull of them, mean what lies inside."""
    learner = Learner2D(bent, bounds or ConvexHull([(0, 0), (1, 0), (0.2, 1), (0.3, 0.3)]))
    points = run(learner, 50)
    assert set(points[:3]) == {(0, 0), (1, 0), (0.2, 1)}
    assert all(learner.inside_bounds(p) for p in points)
    assert learner.bounds == ((0, 1), (0, 1))
    assert learner.new().ask(3)[0] == points[:3]
    corners = np.array(learner.triangles())
    steps = corners[:, 1:] - corners[:, :1]
    assert np.abs(np.linalg.det(steps)).sum() / 2 == pytest.approx(0.5)


def test_outside():
    """A point outside is kept and not used; marked as pending it is ignored."""
    learner = Learner2D(bent, BOX)
    run(learner, 10)
    loss = learner.loss()
    learner.tell((3, 3), 1e6)
    learner.tell_pending((4, 4))
    assert (learner.npoints, learner.loss(), learner.pending_points) == (11, loss, set())
    assert len(learner.interpolator().values) == 10


def test_data_of_the_peer():
    """Data told in bulk, from any iterable, of any kind of number."""
    learner = Learner2D(bent, BOX)
    xs = [(x, y) for x in np.linspace(-1, 1, 8) for y in np.linspace(-1, 1, 8)]
    learner.tell_many(iter(xs), map(bent, xs))
    assert learner.npoints == 64
    assert learner.to_numpy().shape == (64, 3)
    assert learner.to_numpy()[9] == pytest.approx([*xs[9], bent(xs[9])])
    assert math.isfinite(learner.loss())


def test_bad_parameters():
    """Parameters that make no sense are refused."""
    with pytest.raises(TypeError, match="loss_per_triangle"):
        Learner2D(bent, BOX, "default")
    with pytest.raises(ValueError, match="dimension 2"):
        Learner2D(bent, [(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1)])
    with pytest.raises(ValueError, match="low < high"):
        Learner2D(bent, [(1, 0), (0, 1)])
