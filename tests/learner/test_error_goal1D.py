"""`Learner1D` on its way to an error goal: where it asks, what it claims, and why it ends."""

from __future__ import annotations

import math
import pickle
import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from adaptive_calib import AverageLearner1D, BlockingRunner, Learner1D
from adaptive_calib.learner import Claim
from adaptive_calib.runner import LargestError, Points, SequentialExecutor, replay_log, simple

MODES = ("linear", "smooth", "auto")


def run(learner: Any, goal: float, budget: int = 2500) -> Any:
    """Run to the error goal; fails if that takes more than `budget` evaluations."""
    runner = BlockingRunner(
        learner, goal=LargestError(goal, learner) | Points(budget), executor=SequentialExecutor(), log=True
    )
    assert learner.npoints < budget
    return runner


def wave(frequency: float, phase: float = 0.3) -> Callable[[float], float]:
    return lambda x: math.sin(frequency * x + phase)


def scramble(x: float) -> float:
    """Return a number in [-1, 1] that depends on x, as if by chance."""
    return float(np.random.default_rng(int(np.float64(x).view(np.uint64))).uniform(-1, 1))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("frequency", [3.0, 64 * math.pi, 200.0])
def test_a_claim_about_a_wave_is_true(mode, frequency):
    """A wave of any frequency, that of the equal parts included, is not taken for a slower one."""
    f = wave(frequency)
    learner = Learner1D(f, (0, 1), mode=mode)
    run(learner, 0.1)
    claim = learner.claim()
    assert (claim.basis, claim.error) == ("checked", 0.1)
    grid = np.linspace(0, 1, 5001)
    errors = np.abs(learner.predict(grid) - np.sin(frequency * grid + 0.3))
    assert errors.max() <= 0.3
    assert np.mean(errors > claim.error) <= claim.fraction


def test_without_a_goal_nothing_is_checked():
    """The claim is the bare estimate, and none while there is no estimate."""
    learner = Learner1D(math.exp, (0, 1))
    assert learner.claim() is None
    assert learner.error_goal is None
    simple(learner, npoints_goal=40)
    assert learner.claim().basis == "estimated"
    assert learner.claim().error == learner.largest_error()
    assert learner.breaks == []


def test_a_goal_that_is_taken_back_leaves_no_trace():
    """Without the goal the points are those of a learner that never had one."""
    plain, learner = (Learner1D(math.exp, (0, 1)) for _ in range(2))
    learner.set_error_goal(0.1)
    learner.set_error_goal(None)
    for _ in range(50):
        for one in (plain, learner):
            (x,), _ = one.ask(1)
            one.tell(x, math.exp(x))
    assert list(plain.data) == list(learner.data)
    assert plain.loss() == learner.loss()


@pytest.mark.parametrize("goal", [0, -1, math.nan, math.inf])
def test_bad_goals(goal):
    """A goal is a positive number; a refused one changes nothing."""
    learner = Learner1D(math.exp, (0, 1))
    with pytest.raises(ValueError, match="error goal"):
        learner.set_error_goal(goal)
    assert learner.error_goal is None


@pytest.mark.parametrize("mode", MODES)
def test_the_same_again(mode):
    """The same function gives the same points and claim, in a replay of the log and from a pickle in the middle."""
    learner = Learner1D(wave(9), (-1, 1), mode=mode)
    runner = run(learner, 1e-3)
    again = learner.new()
    replay_log(again, runner.log)
    assert list(again.data) == list(learner.data)
    assert again.claim() == learner.claim()
    half = learner.new()
    half.set_error_goal(1e-3)
    for x, y in list(learner.data.items())[:-5]:
        assert half.ask(1)[0] == [x]
        half.tell(x, y)
    half = pickle.loads(pickle.dumps(half))
    for x, y in list(learner.data.items())[-5:]:
        assert half.ask(1)[0] == [x]
        half.tell(x, y)
    assert half.claim() == learner.claim()


@pytest.mark.parametrize("mode", MODES)
def test_data_make_the_claim(mode, tmp_path):
    """Loaded from a file or told in one go, before or after the goal is set, the same data make the same claim."""
    learner = Learner1D(wave(9), (-1, 1), mode=mode)
    run(learner, 1e-2)
    learner.save(tmp_path / "data")
    loaded, told, before = learner.new(), learner.new(), learner.new()
    loaded.load(tmp_path / "data")
    loaded.set_error_goal(1e-2)
    told.set_error_goal(1e-2)
    told.tell_many(list(learner.data), list(learner.data.values()))
    before.tell_many(list(learner.data), list(learner.data.values()))
    before.set_error_goal(1e-2)
    for other in (loaded, told, before):
        assert other.claim() == learner.claim()


def test_a_stricter_check():
    """Fraction and confidence are the user's; a run with the same goal keeps them."""
    learner = Learner1D(math.exp, (-1, 1), mode="smooth")
    learner.set_error_goal(1e-3, fraction=0.05, confidence=0.95)
    run(learner, 1e-3)
    claim = learner.claim()
    assert (claim.checks, claim.fraction, claim.confidence) == (59, 0.05, 0.95)
    assert run(learner, 1e-3).claim == claim
    with pytest.raises(ValueError, match="fraction"):
        learner.set_error_goal(1e-3, fraction=1.5)
    assert learner.claim() == claim


def test_the_same_goal_again_is_reached_already():
    """A second run needs no evaluation; one with a smaller goal checks anew, at other places."""
    learner = Learner1D(math.exp, (-1, 1), mode="smooth")
    run(learner, 1e-3)
    count = learner.npoints
    run(learner, 1e-3)
    assert learner.npoints == count
    run(learner, 1e-4)
    assert learner.npoints >= count + 22


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("pending", [4, 16])
def test_many_points_in_flight(mode, pending):
    """Values that come in any order lead to a claim that is true, and no point is asked for twice."""
    random = np.random.default_rng(pending)
    f = wave(30)
    learner = Learner1D(f, (0, 1), mode=mode)
    learner.set_error_goal(0.01)
    out: list[float] = []
    asked: list[float] = []
    while learner.claim() is None or learner.claim().basis != "checked":
        same = learner.ask(pending - len(out), tell_pending=False)
        points, improvements = learner.ask(pending - len(out))
        assert (points, improvements) == same
        asked += points
        out += points
        assert out
        x = out.pop(int(random.integers(len(out))))
        learner.tell(x, f(x))
        assert len(asked) < 1500
    assert len(set(asked)) == len(asked)
    grid = np.linspace(0, 1, 2001)
    assert np.mean(np.abs(learner.predict(grid) - np.sin(30 * grid + 0.3)) > 0.01) <= learner.claim().fraction


@pytest.mark.parametrize(("mode", "place"), [(m, p) for m in MODES for p in (0.3137, -0.5)] + [("linear", 0.99)])
def test_a_step_is_resolved_and_reported(mode, place):
    """The run ends; the step lies in a reported break of at most a millionth of the domain; beside it all is right."""
    learner = Learner1D(lambda x: float(x > place), (-1, 1), mode=mode)
    run(learner, 0.01, 400)
    ((a, b),) = learner.breaks
    assert a <= place <= b
    assert b - a <= 2.1e-6
    assert learner.claim().breaks == ((a, b),)
    assert "break" in str(learner.claim())
    grid = np.linspace(-1, 1, 20001)
    grid = grid[np.abs(grid - place) > 4e-6]
    assert np.abs(learner.predict(grid) - (grid > place)).max() <= 0.01


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("f", [lambda x: abs(x - 0.3), lambda x: math.sqrt(x + 1), lambda x: 1 / (x - 0.3123)])
def test_kinks_roots_and_poles_end(mode, f):
    """Where no derivative, or no value, exists the run ends as well."""
    run(Learner1D(f, (-1, 1), mode=mode), 0.05)


@pytest.mark.parametrize("c", [0.3123, -0.7071])
@pytest.mark.parametrize("f", [lambda d: 1 / d, lambda d: 1 / math.tan(d / 2), lambda d: math.log(abs(d))])
def test_auto_knows_a_function_beside_its_pole(f, c):
    """Points that crowd at a pole, with their huge values, do not spoil the interpolant elsewhere: the run is short."""
    learner = Learner1D(lambda x: f(x - c), (-1, 1), mode="auto")
    run(learner, 1e-4, 200)
    ((a, b),) = learner.breaks
    assert a <= c <= b <= a + 1e-4
    grid = np.linspace(-1, 1, 1001)
    grid = grid[np.abs(grid - c) > 1e-3]
    assert np.mean(np.abs(learner.predict(grid) - [f(x - c) for x in grid]) > 1e-4) <= learner.claim().fraction


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("f", [lambda x: 1 / (x - 0.3123) ** 2, lambda x: math.exp(min(1 / x, 700)) if x > 0 else 0.0])
def test_values_too_large_for_the_goal_end_the_run(mode, f):
    """Beside a pole values may grow so large that the goal is below what their rounding leaves: a reason to stop."""
    runner = run(Learner1D(f, (-1, 1), mode=mode), 1e-3, 260)
    reasons = ("is below what rounding leaves of values as large as", "values above 1e+140")
    assert runner.goal_reached or any(reason in runner.stop_reason for reason in reasons)


@pytest.mark.parametrize("goal", [1e-2, 1e-3])
def test_waves_that_become_ever_faster_end(goal):
    """Where a wave is too fast to be resolved the run ends, or knows the rest; no interval is left for ever."""
    run(Learner1D(lambda x: math.sqrt(x) * math.sin((x or 1.0) ** -0.7), (0, 1), mode="auto"), goal, 700)


@pytest.mark.parametrize(
    "f",
    [
        lambda x: x if x < 0.3 else math.nan,
        lambda x: math.nan if 0.3 < x < 0.55 else x**2,
        lambda x: math.sin(20 * x) if x < 0.5 else math.nan,
    ],
)
def test_few_points_are_spent_where_auto_sees_no_values(f):
    """A curve that takes few points is known to rounding soon; the edge of the region comes before its inside."""
    learner = Learner1D(f, (0, 1), mode="auto")
    assert run(learner, 1e-5, 100).goal_reached
    assert sum(map(math.isnan, learner.data.values())) < 50


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("edge", [0.0, 0.37])
def test_a_region_without_values(mode, edge):
    """The edge of the region is resolved; the share without a prediction is part of the claim."""
    learner = Learner1D(lambda x: math.sqrt(x - edge) if x >= edge else math.nan, (-1.1, 1), mode=mode)
    run(learner, 0.01)
    grid = np.linspace(edge, 1, 4001)[1:]
    error = np.abs(learner.predict(grid) - np.sqrt(grid - edge))
    assert np.isnan(error).mean() <= 0.004
    assert np.nanmax(error) <= 0.03
    assert learner.claim().unpredicted == pytest.approx((edge + 1.1) / 2.1, abs=2e-3)


@pytest.mark.parametrize("mode", ["linear", "smooth"])
def test_an_unknown_region_counts(mode):
    """While an interval beside an invalid point is long, the error is infinite, with an error goal and without."""
    for goal in (None, 0.1):
        learner = Learner1D(math.exp, (0, 1), mode=mode)
        learner.set_error_goal(goal)
        for x in np.linspace(0, 1, 41).tolist():
            learner.tell(x, math.exp(x) if x != 0.5 else math.nan)
        assert learner.largest_error() == math.inf
        for x in (0.4995, 0.5005):
            learner.tell(x, math.exp(x))
        assert learner.largest_error() < 1e-2


@pytest.mark.parametrize(
    ("mode", "size"), [(mode, size) for mode in MODES for size in (1e-2, 1e-4)] + [("smooth", 1e-5), ("auto", 1e-5)]
)
def test_noise_above_the_goal_ends_the_run(mode, size):
    """The reason says how large the noise is, within a factor of six, and what can be done."""
    learner = Learner1D(lambda x: math.sin(3 * x) + size * scramble(x), (-1, 1), mode=mode)
    runner = run(learner, size / 10, 400)
    assert runner.progress.status == "exhausted"
    assert runner.stop_reason.startswith("goal not reached: noise of about ")
    assert "is below it. Ask for an error above" in runner.stop_reason
    noise = float(runner.stop_reason.split()[6])
    assert size / math.sqrt(3) / 6 < noise < size / math.sqrt(3) * 6
    assert learner.largest_error() > size / 10
    assert learner.claim().basis == "estimated"
    assert learner.ask(1) == ([], [])


@pytest.mark.parametrize("mode", ["linear", "smooth"])
def test_a_fast_wave_is_no_noise(mode):
    """Values that look like noise while the points are too few do not end the run, nor does it ask in vain."""
    random = np.random.default_rng(38)
    for _ in range(4):
        f = wave(random.uniform(150, 250), random.uniform(0, 6))
        learner = Learner1D(f, (0, 1), mode=mode)
        run(learner, 0.02, 2500)
        assert learner.claim().basis == "checked"
        half = learner.new()  # as loaded in the middle of such a run
        half.tell_many(list(learner.data)[:60], list(learner.data.values())[:60])
        run(half, 0.02, 2500)
        assert half.claim().basis == "checked"


def test_three_steps_are_no_noise():
    """The closest points lie on both sides of a step, in three places; those beside them agree."""

    def f(x: float) -> float:
        return (x > 0.21) - 0.7 * (x > 0.535) + 0.4 * (x > 0.888) + 0.3 * math.sin(4 * x)

    learner = Learner1D(f, (0, 1), mode="auto")
    run(learner, 1e-3, budget=400)
    assert learner.claim().basis == "checked"
    assert len(learner.breaks) == 3


@pytest.mark.parametrize("f", [math.exp, wave(40), lambda x: 1 / (1 + 1e4 * (x - 0.4) ** 2), lambda x: math.sqrt(x)])
def test_the_check_costs_its_points_and_no_more(f):
    """After the estimate has met the goal 22 evaluations follow, though it rises while values at random places come."""
    learner = Learner1D(f, (0, 1), mode="auto")
    learner.set_error_goal(1e-4)
    first = None
    while (claim := learner.claim()) is None or claim.basis != "checked":
        if first is None and learner.largest_error() <= 1e-4:
            first = learner.npoints
        (x,), _ = learner.ask(1)
        learner.tell(x, f(x))
    assert learner.npoints - first == 22


@pytest.mark.parametrize("mode", MODES)
def test_noise_below_the_goal_is_no_reason(mode):
    """A goal far above the noise is reached."""
    learner = Learner1D(lambda x: math.sin(3 * x) + 1e-4 * scramble(x), (-1, 1), mode=mode)
    run(learner, 1e-2)
    assert learner.claim().basis == "checked"


@pytest.mark.parametrize("mode", ["linear", "smooth"])
def test_an_oscillation_without_end_ends_the_run(mode):
    """What cannot be resolved looks like noise at any distance, and the run says so."""
    learner = Learner1D(lambda x: math.sin(1 / x) if x else 0.0, (0, 1), mode=mode)
    learner.set_error_goal(0.1)
    while points := learner.ask(1)[0]:
        learner.tell(points[0], learner.function(points[0]))
        assert learner.npoints < 2500
    assert "noise" in learner.stopped_because()
    assert "or changes that are too fast to be resolved" in learner.stopped_because()
    assert learner.claim().basis == "estimated"


@pytest.mark.parametrize("mode", ["smooth", "auto"])
@pytest.mark.parametrize(
    ("f", "error", "size"),
    [
        (lambda x: 1e12 - math.cos(3 * x), 1e-6, 1.2e-4),
        (lambda x: float(np.float32(20 * x + math.sin(3 * x))), 5e-8, 1e-6),
    ],
    ids=["large", "float32"],
)
def test_the_noise_on_a_slope_is_not_the_slope(mode, f, error, size):
    """Rounding changes the values by less than the curve does between a point and its twin; the run tells its size."""
    learner = Learner1D(f, (-1, 2), mode=mode)
    runner = run(learner, error, 400)
    assert runner.stop_reason.startswith("goal not reached: noise of about ")
    assert size / 4 < float(runner.stop_reason.split()[6]) < size * 4
    assert "too fast" not in runner.stop_reason


@pytest.mark.parametrize(("size", "error", "words"), [(1e150, 1e145, "values above"), (2.0, 1e-14, "rounding leaves")])
def test_what_auto_cannot_reach_ends_the_run(size, error, words):
    """Values that are too large for rational functions, and goals below their rounding, are reasons to stop."""
    learner = Learner1D(lambda x: size * math.sin(20 * x), (0, 1), mode="auto")
    runner = run(learner, error, 250)
    assert words in runner.stop_reason
    assert runner.progress.status == "exhausted"


@pytest.mark.parametrize(("mode", "budget"), [("linear", 2500), ("smooth", 1300)])
def test_values_in_steps_end_the_run(mode, budget):
    """Rounded values have a step everywhere; the run says so instead of locating each of them."""
    learner = Learner1D(lambda x: round(math.sin(3 * x), 2), (-1, 1), mode=mode)
    runner = run(learner, 1e-3, budget)
    assert "breaks" in runner.stop_reason
    assert "rounded" in runner.stop_reason
    # of integers every one may be known in the end
    learner = Learner1D(lambda n: float(n // 2), (0, 150), mode=mode, integer=True)
    assert run(learner, 0.1, 160).goal_reached


@pytest.mark.parametrize("mode", ["linear", "smooth"])
@pytest.mark.parametrize("bounds", [(0.0, 1e-200), (-1e200, 1e200), (1e14, 1e14 + 10)])
def test_domains_of_any_size_and_place(mode, bounds):
    """Lengths whose powers are no floats, and points that scaled coordinates hardly tell apart, change nothing."""
    learner = Learner1D(lambda x: math.sin(7 * (x - bounds[0]) / (bounds[1] - bounds[0])), bounds, mode=mode)
    run(learner, 0.01, 100)
    x = bounds[0] + (bounds[1] - bounds[0]) * np.linspace(0, 1, 201)
    value, error = learner.predict(x, return_error=True)
    assert np.abs(value - [learner.function(p) for p in x]).max() <= 0.02
    assert error.max() <= 0.01
    # values that are told, at neighbouring numbers
    near = np.nextafter(x[100], x[101])
    learner.tell_many([x[100], near], [learner.function(x[100]), learner.function(near)])
    assert math.isfinite(learner.largest_error())


@pytest.mark.parametrize("mode", MODES)
def test_logarithmic_axis(mode):
    """The check is spread evenly over the logarithm."""
    learner = Learner1D(lambda x: math.sin(3 * math.log(x)), (1e-3, 1e3), mode=mode, x_scale="log")
    run(learner, 0.01)
    assert learner.claim().checks >= 22
    grid = np.geomspace(1e-3, 1e3, 4001)
    assert np.mean(np.abs(learner.predict(grid) - np.sin(3 * np.log(grid))) > 0.01) <= 0.1


@pytest.mark.parametrize("mode", MODES)
def test_integers(mode):
    """Only integers are asked for; if all are known, so is everything."""
    few = Learner1D(lambda k: float((-1) ** k), (0, 9), mode=mode, integer=True)
    run(few, 0.1)
    assert sorted(few.data) == list(range(10))
    assert (few.claim().basis, few.claim().fraction, few.claim().confidence) == ("checked", 0.0, 1.0)
    many = Learner1D(lambda k: math.sin(k / 300), (0, 10_000), mode=mode, integer=True)
    run(many, 0.02)
    assert all(isinstance(x, int) for x in many.data)
    claim = many.claim()
    assert claim.checks >= 18  # a place may fall on an integer that is known
    assert (1 - claim.fraction) ** claim.checks <= 0.1 + 1e-12


@pytest.mark.parametrize("mode", MODES)
def test_vectors(mode):
    """The error is the largest of the components, and so is the miss of a check."""
    learner = Learner1D(lambda x: [math.sin(5 * x), 100 * math.cos(40 * x)], (0, 1), mode=mode)
    run(learner, 0.5)
    grid = np.linspace(0, 1, 2001)
    truth = np.stack([np.sin(5 * grid), 100 * np.cos(40 * grid)], axis=1)
    assert np.mean(np.abs(learner.predict(grid) - truth).max(axis=1) > 0.5) <= learner.claim().fraction


@pytest.mark.parametrize("mode", MODES)
def test_spacing_is_kept(mode):
    """No two points, check points included, come nearer than `min_spacing`."""
    learner = Learner1D(math.exp, (0, 1), mode=mode, min_spacing=1e-3)
    run(learner, 0.01)
    assert np.diff(sorted(learner.data)).min() >= 1e-3 * (1 - 1e-9)


@pytest.mark.parametrize("mode", MODES)
def test_what_the_spacing_leaves_out_is_not_claimed(mode):
    """Where no further point is allowed nothing is claimed; if that is everywhere, there is no claim."""
    coarse = Learner1D(wave(20), (0, 1), mode=mode, min_spacing=0.05)
    coarse.set_error_goal(1e-3)
    while points := coarse.ask(1)[0]:
        coarse.tell(points[0], coarse.function(points[0]))
    assert coarse.claim() is None or coarse.claim().basis == "estimated" or coarse.claim().fraction > 0.5


@pytest.mark.parametrize("mode", ["linear", "smooth"])
def test_points_are_no_lattice(mode):
    """With an error goal, and always in the smooth mode, only the ends are dyadic fractions of the domain."""
    learner = Learner1D(math.exp, (0, 1), mode=mode)
    if mode == "linear":
        learner.set_error_goal(1e-3)
    for _ in range(40):
        (x,), _ = learner.ask(1)
        learner.tell(x, math.exp(x))
    assert sum(x * 2**20 % 1 == 0 for x in learner.data) == 2


def test_a_peak_between_the_points_is_found_or_not_excluded():
    """A claim about narrow peaks at random places is true for the share of the domain that it names."""
    random = np.random.default_rng(2)
    grid = np.linspace(0, 1, 20001)
    for _ in range(10):
        centre = random.uniform(0, 1)
        learner = Learner1D(lambda x, c=centre: 1 / (1 + ((x - c) / 3e-3) ** 2), (0, 1), mode="smooth")
        run(learner, 0.01)
        error = np.abs(learner.predict(grid) - 1 / (1 + ((grid - centre) / 3e-3) ** 2))
        assert np.mean(error > 0.01) <= learner.claim().fraction


def noisy_peak(seed_x: tuple[int, float], centre: float) -> float:
    seed, x = seed_x
    random = np.random.default_rng([seed, int(np.float64(x).view(np.uint64)) % 2**32])
    return float(1 / (1 + ((x - centre) / 0.012) ** 2) + 0.03 * random.standard_normal())


def test_a_mean_curve_is_looked_at_everywhere():
    """`AverageLearner1D` finds a peak of half-width 0.006 of the domain, and says what it could have missed."""
    random = np.random.default_rng(4)
    grid = np.linspace(-1, 1, 4001)
    for _ in range(5):
        centre = float(random.uniform(-0.9, 0.9))
        learner = AverageLearner1D(lambda point, c=centre: noisy_peak(point, c), (-1, 1), min_samples=5)
        run(learner, 0.2)
        assert learner.claim().basis == "checked"
        assert learner.claim().resolution <= 0.01
        assert "features narrower" in str(learner.claim())
        error = np.abs(learner.predict(grid) - 1 / (1 + ((grid - centre) / 0.012) ** 2))
        assert error.max() < 0.6


def test_too_few_samples_allowed_end_the_run():
    """With `max_samples` at an x and an error bar above the goal, the reason names both."""
    learner = AverageLearner1D(lambda point: noisy_peak(point, 0.3), (-1, 1), min_samples=3, max_samples=12)
    learner.set_error_goal(0.01)
    while points := learner.ask(1)[0]:
        learner.tell(points[0], noisy_peak(points[0], 0.3))
        assert learner.nsamples < 2000
    assert "`max_samples`" in learner.stopped_because()
    assert "more than 12 samples" in learner.stopped_because()
    assert learner.claim() is None or learner.claim().basis == "estimated"


def test_samples_in_flight():
    """With many samples in flight no sample is asked for twice, and the claim comes all the same."""
    learner = AverageLearner1D(lambda point: noisy_peak(point, 0.3), (-1, 1), min_samples=5)
    learner.set_error_goal(0.2)
    random = np.random.default_rng(0)
    out: list[Any] = []
    asked: list[Any] = []
    while learner.claim() is None or learner.claim().basis != "checked":
        same = learner.ask(12 - len(out), tell_pending=False)
        points, improvements = learner.ask(12 - len(out))
        assert (points, improvements) == same
        asked += points
        out += points
        point = out.pop(int(random.integers(len(out))))
        learner.tell(point, noisy_peak(point, 0.3))
        assert len(asked) < 4000
    assert len(set(asked)) == len(asked)
    again = pickle.loads(pickle.dumps(learner))
    assert again.claim() == learner.claim()
    assert again.ask(3, tell_pending=False) == learner.ask(3, tell_pending=False)


@pytest.mark.parametrize("mode", MODES)
def test_a_claim_about_integers_counts_those_that_are_not_known(mode):
    """A least distance leaves integers out, which are not known then; few that are left are a small share."""
    learner = Learner1D(lambda n: math.sin(n / 30), (0, 100), mode=mode, integer=True, min_spacing=5)
    assert "every point" not in run(learner, 1e-3, 30).stop_reason
    primes = Learner1D(lambda n: float(all(n % i for i in range(2, n))), (2, 150), mode=mode, integer=True)
    assert run(primes, 1e-3, 160).goal_reached
    assert primes.claim().fraction <= (149 - primes.npoints) / 149


@pytest.mark.parametrize("mode", ["linear", "smooth", "auto"])
def test_a_function_without_valid_values_ends_without_a_claim(mode):
    """Nothing is known, so nothing is claimed, before and after the end."""
    learner = Learner1D(lambda x: math.nan, (-1, 1), mode=mode)
    learner.set_error_goal(0.01)
    while points := learner.ask(1)[0]:
        learner.tell(points[0], math.nan)
        assert learner.claim() is None
    assert learner.npoints == 40
    assert "none of the values at 40 points is valid" in learner.stopped_because()


@pytest.mark.parametrize("mode", ["linear", "smooth", "auto"])
def test_values_that_are_missing_all_over_end_a_run(mode):
    """Each edge of a region without values is looked for, but not those of very many."""
    draw = random.Random(1)
    learner = Learner1D(lambda x: x if draw.random() < 0.7 else math.nan, (-1, 1), mode=mode)
    runner = BlockingRunner(learner, error_goal=0.01, executor=SequentialExecutor())
    assert not runner.goal_reached
    assert "more than 64 separate places" in runner.stop_reason
    assert learner.npoints <= 648


def test_a_share_of_the_whole_is_a_hundred_percent():
    """Not 1e+02."""
    assert "no prediction on 100 % of" in str(Claim(1.0, 0.1, 0.9, 22, "checked", unpredicted=0.998))
    assert "no prediction on 0.012 % of" in str(Claim(1.0, 0.1, 0.9, 22, "checked", unpredicted=0.00012))


@pytest.mark.parametrize("mode", ["linear", "smooth", "auto"])
@pytest.mark.parametrize("pending", [16, 64])
def test_a_slope_is_no_noise_with_many_pending_points(mode, pending):
    """Values that come in any order leave the goal out of reach for a while; twins on a slope differ a little."""
    draw = random.Random(1)
    learner = Learner1D(lambda x: x, (-1, 1), mode=mode)
    learner.set_error_goal(0.01)
    points = []
    while getattr(learner.claim(), "basis", "") != "checked" and not learner.stopped_because():
        points += learner.ask(pending - len(points))[0]
        x = points.pop(draw.randrange(len(points)))
        learner.tell(x, x)
    assert learner.stopped_because() == ""


@pytest.mark.parametrize("mode", MODES)
def test_two_points_close_to_each_other_are_no_break(mode):
    """A steep curve changes between them, and is known there; a step between them is a break."""
    for f, breaks in ((lambda x: math.sin(9 * x), 0), (lambda x: math.sin(9 * x) + (x > 0.4321), 1)):
        learner = Learner1D(f, (0, 1), mode=mode)
        learner.set_error_goal(1e-6)
        points = [*np.linspace(0, 1, 60).tolist(), 0.4321 - 3e-7, 0.4321 + 3e-7]
        learner.tell_many(points, [f(x) for x in points])
        assert len(learner.breaks) == breaks
