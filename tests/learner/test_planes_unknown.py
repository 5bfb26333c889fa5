"""What is not known in planes counts as not known; error goals are checked; bad domains are refused."""

from __future__ import annotations

import math
import pickle
from typing import Any

import numpy as np
import pytest

from adaptive_calib.learner import Learner2D, LearnerND, SequenceLearner
from adaptive_calib.learner._simplex.noise import most_unresolved
from adaptive_calib.runner import BlockingRunner, SequentialExecutor, simple

_BOX = [(-1.0, 1.0), (-1.0, 1.0)]
_GRID = np.random.default_rng(1).uniform(-1, 1, (3000, 2))


def _half(point: tuple[float, float]) -> float:
    return math.sqrt(point[0] + 0.3) if point[0] > -0.3 else math.nan


def _bump(point: tuple[float, float]) -> float:
    return math.exp(-10 * (point[0] ** 2 + point[1] ** 2))


def _wave(point: tuple[float, float]) -> float:
    return math.sin(4 * point[0] + 0.3) * math.cos(3 * point[1])


def _step(point: tuple[float, float]) -> float:
    return float(point[0] + 0.3 * point[1] > 0.1)


# --------------------------------------------------------------------------------------- where there is no value


def test_all_views_agree_on_where_there_is_no_value() -> None:
    """`predict`, both interpolators and the grid have no value in the same places, and the same value elsewhere."""
    learner = Learner2D(_half, _BOX)
    simple(learner, npoints_goal=150)
    x, y = _GRID.T
    predicted = learner.predict(_GRID)
    assert 0.1 < np.isnan(predicted).mean() < 0.6
    for ip, at in (
        (learner.interpolator(), (x, y)),
        (learner.interpolator(scaled=True), ((x - learner.xy_mean[0]) / 2, (y - learner.xy_mean[1]) / 2)),
    ):
        values = ip(*at)[:, 0]
        # points on an edge may fall to either side
        assert (np.isnan(values) != np.isnan(predicted)).mean() < 0.002
        both = ~np.isnan(values) & ~np.isnan(predicted)
        assert values[both] == pytest.approx(predicted[both], abs=1e-6)
    xs, ys, zs = learner.interpolated_on_grid(41)
    expected = learner.predict(np.stack(np.meshgrid(xs, ys, indexing="ij"), axis=-1))
    assert np.array_equal(np.isnan(zs), np.isnan(expected))


def test_failed_points_have_no_value_either() -> None:
    """A failed point leaves a hole in every view."""
    learner = Learner2D(_bump, _BOX)
    simple(learner, npoints_goal=30)
    (point,), _ = learner.ask(1)
    learner.tell_failed(point)
    near = np.array(point) + 1e-9
    assert np.isnan(learner.predict(near))
    assert np.isnan(learner.interpolator()(*near)).all()


@pytest.mark.parametrize("learner_type", [Learner2D, LearnerND])
def test_share_without_prediction(learner_type: Any) -> None:
    """The share of the domain without a prediction is reported: all of it at first, then that of the invalid part."""
    learner = learner_type(_half, _BOX)
    assert learner.unpredicted() == 1.0
    simple(learner, npoints_goal=300)
    assert learner.unpredicted() == pytest.approx(np.isnan(learner.predict(_GRID)).mean(), abs=0.03)
    assert learner_type(_bump, _BOX).unpredicted() == 1.0


def test_cells_beside_invalid_points_count_as_not_known() -> None:
    """While more than 2 % of the domain are cells beside invalid points, the error is infinite."""
    learner = Learner2D(_half, _BOX)
    simple(learner, npoints_goal=100)
    assert learner.largest_error() == math.inf
    learner.set_error_goal(0.05)
    while learner.claim() is None or learner.claim().basis == "estimated":
        (point,), _ = learner.ask(1)
        learner.tell(point, _half(point))
    assert learner.largest_error() < 0.2
    true = np.array([_half(tuple(point)) for point in _GRID])
    missed = np.isnan(learner.predict(_GRID)) & ~np.isnan(true)
    assert missed.mean() <= most_unresolved(2)


@pytest.mark.parametrize(("mode", "goal", "points"), [("linear", 0.15, 300), ("smooth", 0.1, 150)])
def test_the_edge_of_values_leaves_points_to_the_rest(mode: Any, goal: float, points: int) -> None:
    """With an error goal, the edge of a disc does not take the points that its inside needs."""

    def disc(point: tuple[float, float]) -> float:
        return math.sin(7 * point[0] + 0.3) * math.cos(6 * point[1]) if math.hypot(*point) < 0.9 else math.nan

    learner = Learner2D(disc, _BOX, mode=mode)
    learner.set_error_goal(goal)
    while learner.npoints < points:
        (point,), _ = learner.ask(1)
        learner.tell(point, disc(point))
    misses = np.abs(learner.predict(_GRID) - np.array([disc(tuple(point)) for point in _GRID]))
    predicted = np.isfinite(misses)
    assert predicted.mean() > 0.35
    assert np.mean(misses[predicted] > goal) < 0.02


# ------------------------------------------------------------------------------------------------------ error goals


@pytest.mark.parametrize("learner_type", [Learner2D, LearnerND])
@pytest.mark.parametrize(("function", "goal"), [(_bump, 0.05), (_wave, 0.1), (_half, 0.1)])
def test_error_goal(learner_type: Any, function: Any, goal: float) -> None:
    """A run ends with a checked claim, and the claim is true."""
    learner = learner_type(function, _BOX)
    runner = BlockingRunner(learner, error_goal=goal, executor=SequentialExecutor())
    claim = learner.claim()
    assert claim is not None
    assert (claim.basis, claim.error) == ("checked", goal)
    assert "checked at" in str(runner.stop_reason)
    true = np.array([function(tuple(point)) for point in _GRID])
    misses = np.abs(learner.predict(_GRID) - true)
    assert np.mean(misses[np.isfinite(misses)] > goal) <= claim.fraction
    assert learner.npoints < 1000


@pytest.mark.parametrize(
    ("radius", "reason"),
    [
        pytest.param(0.5, "checked at", marks=pytest.mark.slow),
        (1.1, "points would make it 10%; the rest is within the goal"),
    ],
)
def test_a_ball_of_values(radius: float, reason: str) -> None:
    """The surface of a region in space gets small slowly: a run goes on, or says how many points that would take."""

    def ball(point: tuple[float, ...]) -> float:
        return point[0] + point[1] * point[2] if math.hypot(*point) < radius else math.nan

    learner = LearnerND(ball, [(-1, 1)] * 3)
    runner = BlockingRunner(learner, error_goal=0.3, executor=SequentialExecutor())
    assert reason in runner.stop_reason
    assert runner.goal_reached == (reason == "checked at")
    claim = learner.claim()
    if runner.goal_reached:
        assert claim is not None
        assert 0.02 < claim.unresolved <= most_unresolved(3)


def test_a_check_beside_a_region_without_values_is_whole() -> None:
    """Places where there is no prediction say nothing, and are replaced: the claim has the share that was asked for."""
    learner = Learner2D(_half, _BOX, mode="smooth")
    simple(learner, error_goal=0.3)
    claim = learner.claim()
    assert claim is not None
    assert claim.checks >= 22
    assert claim.fraction <= 0.1
    assert claim.unpredicted > 0.2


def test_a_step_ends() -> None:
    """At a step the run ends: the cells that hold it are small, and reported."""
    learner = Learner2D(_step, _BOX)
    BlockingRunner(learner, error_goal=0.2, executor=SequentialExecutor())
    claim = learner.claim()
    assert claim is not None
    assert 0 < claim.unresolved <= most_unresolved(2)
    assert "small cells" in str(claim)
    true = np.array([_step(tuple(point)) for point in _GRID])
    assert np.mean(np.abs(learner.predict(_GRID) - true) > 0.2) <= claim.fraction + claim.unresolved


def test_error_goal_without_pending_changes_nothing() -> None:
    """With an error goal too, a dry ask has no effect; a pickled learner chooses the same points."""
    learner, other = (Learner2D(_wave, _BOX) for _ in range(2))
    for each in (learner, other):
        each.set_error_goal(0.2)
    copied = None
    for i in range(150):
        learner.ask(7, tell_pending=False)
        asked = [each.ask(1)[0] for each in (learner, other)]
        assert asked[0] == asked[1]
        for each in (learner, other):
            for point in asked[0]:
                each.tell(point, _wave(point))
        if i == 100:
            copied = pickle.loads(pickle.dumps(learner))
            assert copied.ask(5, tell_pending=False) == learner.ask(5, tell_pending=False)
    assert copied is not None
    assert copied.error_goal == 0.2


def test_a_miss_is_found() -> None:
    """A value at a check point that differs from the interpolant revokes the check; the search goes on."""
    learner = Learner2D(lambda point: 0.0, _BOX)
    learner.set_error_goal(0.1)
    while not learner._goal.open_places:  # type: ignore[union-attr]
        (point,), _ = learner.ask(1)
        learner.tell(point, 0.0)
    learner.tell(next(iter(learner._goal.open_places)), 1.0)  # type: ignore[union-attr]
    assert learner._goal.check.failed == 1  # type: ignore[union-attr]
    claim = learner.claim()
    assert claim is None or claim.basis == "estimated"
    assert learner.largest_error() > 0.1


# --------------------------------------------------------------------------------------------------- domains, values


def test_points_on_a_line() -> None:
    """Without a triangle `interpolator` says so, and not Qhull."""
    learner = Learner2D(_bump, _BOX)
    for x in (-0.5, 0.0, 0.5):
        learner.tell((x, x), 1.0)
    with pytest.raises(ValueError, match="on a line"):
        learner.interpolator()


@pytest.mark.parametrize("sizes", [(1.0, 1e12), (1e-9, 1e9), (1e-150, 1e150)])
def test_bounds_of_different_size(sizes: tuple[float, float]) -> None:
    """Dimensions of very different sizes are learned, interpolated and put on a grid."""
    a, b = sizes
    learner = Learner2D(lambda p: p[0] / a + p[1] / b, [(0, a), (0, b)])
    simple(learner, npoints_goal=40)
    assert learner.interpolator()(0.3 * a, 0.4 * b) == pytest.approx(0.7)
    assert learner.predict([0.3 * a, 0.4 * b]) == pytest.approx(0.7)
    assert np.isfinite(learner.interpolated_on_grid(11)[2]).all()


@pytest.mark.parametrize("bounds", [(0, 5e-324), (1, 1 + 1e-15), (-1e300, -1e300 * (1 - 1e-15))])
@pytest.mark.parametrize("learner_type", [Learner2D, LearnerND])
def test_bounds_without_room(learner_type: Any, bounds: Any) -> None:
    """A dimension in which floats are too coarse is refused with what to do."""
    with pytest.raises(ValueError, match="another unit"):
        learner_type(_bump, [(0, 1), bounds])


@pytest.mark.parametrize("bounds", [[(0, 1)], (0, 1)])
def test_one_dimension(bounds: Any) -> None:
    """One dimension is refused with the learner for it."""
    with pytest.raises(ValueError, match="use Learner1D"):
        LearnerND(lambda p: p[0], bounds)


@pytest.mark.parametrize("learner_type", [Learner2D, LearnerND])
def test_values_that_are_too_large(learner_type: Any) -> None:
    """Values whose differences overflow are refused with what to do; tiny ones are equal."""
    learner = learner_type(_bump, _BOX)
    points = learner.ask(4)[0]
    with pytest.raises(ValueError, match="another unit"):
        learner.tell(points[0], 1.2e308)
    assert learner.npoints == 0
    for point in points:
        learner.tell(point, 5e-324 * sum(point))
    simple(learner, npoints_goal=20)
    assert math.isfinite(learner.loss())


@pytest.mark.parametrize("value", ["1.5", 1j, np.complex128(1), ["a", "b"], np.array([1j])])
@pytest.mark.parametrize("learner_type", [Learner2D, LearnerND])
def test_values_that_are_no_numbers(learner_type: Any, value: Any) -> None:
    """Text and complex numbers are refused."""
    learner = learner_type(_bump, _BOX)
    with pytest.raises(TypeError, match="real number"):
        learner.tell((0.0, 0.0), value)


def test_pandas_series_as_a_sequence() -> None:
    """The elements of a pandas Series are taken by position, whatever its index."""
    pd = pytest.importorskip("pandas")
    learner = SequenceLearner(lambda x: 2 * x, pd.Series([5, 6, 7], index=[3, 0, 10]))
    simple(learner)
    assert learner.result() == [10, 12, 14]
    assert learner.to_dataframe()["x"].tolist() == [5, 6, 7]
    loaded = pickle.loads(pickle.dumps(learner))
    assert loaded.element(1) == 6


# ---------------------------------------------------------------------------------------------------------- noise


def _shaky(function: Any, level: float) -> Any:
    """Add noise that is a function of the place."""

    def value(point: tuple[float, float]) -> float:
        seeds = np.array(point, float).view(np.uint64).tolist()
        return float(function(point) + level * np.random.default_rng(seeds).standard_normal())

    return value


@pytest.mark.parametrize("mode", ["linear", "smooth"])
@pytest.mark.parametrize("goal", [0.01, 0.05])
def test_noise_ends_the_run(mode: Any, goal: float) -> None:
    """Where the estimate stops falling for noise, a run ends and says so, and claims nothing that is checked."""
    learner = Learner2D(_shaky(_bump, 0.03), _BOX, mode=mode)
    runner = BlockingRunner(learner, error_goal=goal, executor=SequentialExecutor())
    assert not runner.goal_reached
    assert "noise of about 0.0" in runner.stop_reason
    assert learner.npoints < 400
    claim = learner.claim()
    assert claim is None or claim.basis == "estimated"


@pytest.mark.parametrize("mode", ["linear", "smooth"])
@pytest.mark.parametrize("function", [_step, lambda p: math.sin(30 * p[0]) * math.cos(25 * p[1])])
def test_structure_is_no_noise(function: Any, mode: Any) -> None:
    """A step, and a wave that is not resolved yet, are not taken for noise; one evaluation is for that at each look."""
    learner = Learner2D(function, _BOX, mode=mode)
    learner.set_error_goal(0.02)
    twins: set[Any] = set()
    while learner.npoints < 260 and (points := learner.ask(1)[0]):
        assert learner._goal is not None
        twins |= learner._goal.noise.twins.open.keys() & set(points)
        learner.tell(points[0], learner.function(points[0]))
    assert learner.npoints >= 260
    assert learner.stopped_because() == ""
    assert len(twins) <= 4


@pytest.mark.parametrize("function", [lambda p: math.sin(30 * p[0]) * math.cos(25 * p[1]), _step])
def test_noise_of_what_is_not_resolved(function: Any) -> None:
    """Noise is found although the estimate is still that of a fast wave, or of a step."""
    for seed in range(4):
        rng = np.random.default_rng(seed)
        learner = Learner2D(None, _BOX)
        learner.set_error_goal(0.02)
        while learner.npoints < 300 and (points := learner.ask(1)[0]):
            learner.tell(points[0], function(points[0]) + 0.03 * rng.standard_normal())
        assert "noise of about 0.0" in learner.stopped_because()


@pytest.mark.parametrize("size", [1e-300, 1e300])
def test_values_of_any_size(size: float) -> None:
    """The smooth mode takes values of any size."""
    learner = Learner2D(lambda p: _bump(p) * size, _BOX, mode="smooth")
    runner = BlockingRunner(learner, error_goal=0.1 * size, executor=SequentialExecutor())
    assert runner.goal_reached
    assert learner.npoints < 150


def test_a_pole_is_no_noise() -> None:
    """Beside a pole values change over a millionth of the domain, but by no more than the slopes around say."""
    learner = Learner2D(lambda p: 1 / (p[0] ** 2 + p[1] ** 2) if any(p) else 0.0, _BOX)
    learner.set_error_goal(0.5)
    while learner.npoints < 250:
        for point in learner.ask(1)[0]:
            learner.tell(point, learner.function(point))
    assert learner.stopped_because() == ""


@pytest.mark.parametrize(
    ("missing", "reason"), [(1.0, "none of the values at 40 points"), (0.6, "beside points without a valid value")]
)
def test_values_that_are_missing_everywhere(missing: float, reason: str) -> None:
    """A goal that missing values keep out of reach ends with that reason."""
    rng = np.random.default_rng(1)
    learner = Learner2D(lambda p: math.nan if rng.random() < missing else p[0], _BOX)
    runner = BlockingRunner(learner, error_goal=0.05, executor=SequentialExecutor())
    assert not runner.goal_reached
    assert reason in runner.stop_reason
    assert learner.npoints < 500


def test_twins_are_no_vertices() -> None:
    """The points that show noise are data but not part of the triangulation; one that failed shows none."""
    learner = LearnerND(_shaky(lambda p: p[0], 0.03), [(-1, 1)] * 2)
    learner.set_error_goal(0.01)
    goal = learner._goal
    assert goal is not None
    while not goal.noise.twins.open:
        for point in learner.ask(1)[0]:
            learner.tell(point, learner.function(point))
    twins = list(goal.noise.twins.open)
    assert learner.ask(4, tell_pending=False)[0] == twins
    learner.ask(4)
    vertices = len(learner._vertex_of)
    learner.tell(twins[0], learner.function(twins[0]))
    assert twins[0] in learner.data
    assert len(learner._vertex_of) == vertices
    assert len(learner.pending_points) == 3
    learner.tell_failed(twins[1])
    assert not goal.noise.twins.open
    assert len(learner._vertex_of) == vertices
    assert learner.stopped_because() == ""
