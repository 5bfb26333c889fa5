"""The laws of `BalancingLearner`."""

from __future__ import annotations

import asyncio
import inspect
import math
import pickle
import random
import re
from functools import partial
from operator import itemgetter
from pathlib import Path
from typing import Any

import pytest

from adaptive_calib.learner.average_learner import AverageLearner
from adaptive_calib.learner.balancing_learner import MOST_AHEAD, MOST_FAILURES, BalancingLearner, named_product
from adaptive_calib.learner.base_learner import BaseLearner
from adaptive_calib.learner.data_saver import make_datasaver
from adaptive_calib.learner.integrator_learner import IntegratorLearner
from adaptive_calib.learner.learner1D import Learner1D
from adaptive_calib.learner.sequence_learner import SequenceLearner
from adaptive_calib.runner import BlockingRunner, LargestError, Points, SequentialExecutor
from adaptive_calib.testing.learners import LearnerContract

STRATEGIES = ["loss_improvements", "loss", "npoints", "cycle"]


def _step(x: float, centre: float = 0.0) -> float:
    return math.tanh(20 * (x - centre))


def _gauss(seed: int, centre: float = 0.0) -> float:
    return random.Random(seed).gauss(centre, 1)


def _fails(x: float) -> float:
    raise ValueError("always")


def _identity(x: Any) -> Any:
    return x


def _children(count: int = 3) -> list[Learner1D]:
    return [Learner1D(partial(_step, centre=i / count), (-1, 1)) for i in range(count)]


class _OfLearner1D(LearnerContract):
    strategy: str
    losses_may_lag = True
    has_files = False  # it has a file for each child, see below

    def make(self) -> Any:
        return BalancingLearner(_children(), strategy=self.strategy)

    def make_finite(self) -> Any:
        return BalancingLearner([SequenceLearner(_identity, range(n)) for n in (7, 0, 20)], strategy=self.strategy)


class TestLossImprovements(_OfLearner1D):
    strategy = "loss_improvements"


class TestLoss(_OfLearner1D):
    strategy = "loss"


class TestNpoints(_OfLearner1D):
    strategy = "npoints"


class TestCycle(_OfLearner1D):
    strategy = "cycle"
    batch = 6  # whole rounds: the turn goes on after points were lost


class TestOfAverageLearners(LearnerContract):
    has_files = False

    def make(self) -> Any:
        return BalancingLearner([AverageLearner(partial(_gauss, centre=i), atol=0.1 * (i + 1)) for i in range(3)])


class TestOfSequences(LearnerContract):
    has_files = False
    nan_value = None
    refuses_none = False

    def make(self) -> Any:
        return BalancingLearner([SequenceLearner(_identity, [[i], [i + 1]] * 40) for i in range(3)])


class TestOfIntegrals(LearnerContract):
    has_files = False
    losses_may_lag = True
    tells_anything = False

    def make(self) -> Any:
        return BalancingLearner([IntegratorLearner(math.exp, (i, i + 3), 1e-12) for i in range(3)], strategy="npoints")


class TestOfBalancingLearners(LearnerContract):
    has_files = False
    losses_may_lag = True

    def make(self) -> Any:
        return BalancingLearner([BalancingLearner(_children(2)), BalancingLearner(_children(3))])


def _run(learner: Any, n: int) -> list[tuple[int, Any]]:
    told = []
    for _ in range(n):
        for point in learner.ask(1)[0]:
            learner.tell(point, learner.function(point))
            told.append(point)
    return told


# ---------------------------------------------------------------------------------------------------------- strategies


def _naive_choice(children: list[Learner1D], strategy: str, turn: int) -> int:
    """The rule of each strategy, looking at every child."""

    def points(child: Learner1D) -> int:
        return child.npoints + len(child.pending_points)

    def rank(i: int) -> tuple[float, ...]:
        child = children[i]
        if strategy == "loss_improvements":
            return (-child.ask(1, tell_pending=False)[1][0], points(child), i)
        if strategy == "loss":
            return (-child.loss(real=False), points(child), i)
        if strategy == "npoints":
            return (points(child), i)
        return ((i - turn) % len(children),)

    return min(range(len(children)), key=rank)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_follows_the_rule_of_its_strategy(strategy: str) -> None:
    """Each point is the one that the rule chooses when every child is looked at, whatever was told in between."""
    rng = random.Random(1)
    learner = BalancingLearner(_children(7), strategy=strategy)
    waiting: list[Any] = []
    turn = 0
    for _ in range(300):
        expected = _naive_choice(learner.learners, strategy, turn)
        (point,), _ = learner.ask(1)
        assert point[0] == expected
        turn = point[0] + 1
        waiting.append(point)
        while len(waiting) > rng.randrange(12):
            done = waiting.pop(rng.randrange(len(waiting)))
            learner.tell(done, learner.function(done))
        assert learner.loss() == max(child.loss() for child in learner.learners)
        assert learner.loss(real=False) == max(child.loss(real=False) for child in learner.learners)


def test_loss_strategy_sees_pending_points() -> None:
    """A child's expected loss is looked at anew when a point of it is asked for, so that one child does not get all."""
    learner = BalancingLearner(_children(4), strategy="loss")
    _run(learner, 40)
    asked = [index for index, _ in learner.ask(20)[0]]
    assert len(set(asked)) > 1


def test_setting_the_strategy_starts_a_new_round() -> None:
    """The round of "cycle" starts at the first child when the strategy is set."""
    learner = BalancingLearner(_children(3), strategy="cycle")
    assert [i for i, _ in learner.ask(2)[0]] == [0, 1]
    learner.strategy = "cycle"
    assert [i for i, _ in learner.ask(4)[0]] == [0, 1, 2, 0]


@pytest.mark.parametrize("strategy", ["best", "", None, 3])
def test_unknown_strategy(strategy: Any) -> None:
    """Another strategy is a ValueError that names the four."""
    with pytest.raises(ValueError, match="loss_improvements, loss, npoints, cycle"):
        BalancingLearner(_children(), strategy=strategy)
    learner = BalancingLearner(_children())
    with pytest.raises(ValueError, match="npoints"):
        learner.strategy = strategy
    assert learner.strategy == "loss_improvements"


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_exhausted_children_are_passed_over(strategy: str) -> None:
    """When one child has no more points the others go on, and it comes back when it has some again."""
    learner = BalancingLearner([SequenceLearner(_identity, range(n)) for n in (2, 5)], strategy=strategy)
    points, _ = learner.ask(7)
    assert sorted(points) == [(0, (0, 0)), (0, (1, 1)), *((1, (i, i)) for i in range(5))]
    assert learner.ask(1) == ([], [])
    learner.tell(points[0], 0)
    assert learner.ask(1) == ([], [])
    learner.remove_unfinished()
    assert sorted(learner.ask(7)[0]) == sorted(points[1:])


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_children_that_are_done_are_passed_over(strategy: str) -> None:
    """Integrals that have reached their tolerance get no more points; when all have, there is nothing to ask."""
    children = [IntegratorLearner(f, (0, 3), 1e-6) for f in (math.sin, math.sqrt, math.exp)]
    learner = BalancingLearner(children, strategy=strategy)
    while points := learner.ask(1)[0]:
        learner.tell(points[0], learner.function(points[0]))
    assert all(child.done() for child in children)
    assert [child.igral for child in children] == pytest.approx(
        [1 - math.cos(3), 2 * 3**1.5 / 3, math.exp(3) - 1], rel=1e-6
    )


def test_weights() -> None:
    """Weights multiply losses and improvements, so that a child of twice the weight gets more points."""
    plain = [Learner1D(_step, (-1, 1)), Learner1D(_step, (-1, 1))]
    learner = BalancingLearner(plain, weights=[1, 8])
    _run(learner, 60)
    assert learner.learners[1].npoints > 2 * learner.learners[0].npoints
    assert learner.loss() == max(learner.learners[0].loss(), 8 * learner.learners[1].loss())
    assert learner.new().weights == (1, 8)


@pytest.mark.parametrize("weights", [[1], [1, 0], [1, -1], [1, math.nan], [1, math.inf]])
def test_bad_weights(weights: list[float]) -> None:
    """Weights are positive and one for each child."""
    with pytest.raises(ValueError, match="2 positive numbers"):
        BalancingLearner(_children(2), weights=weights)


# ------------------------------------------------------------------------------------------------------------ children


def test_children_of_different_classes() -> None:
    """Children may be of different classes; "npoints" treats them alike."""
    learner = BalancingLearner([Learner1D(_step, (-1, 1)), AverageLearner(_gauss, atol=0.1)], strategy="npoints")
    _run(learner, 20)
    assert [child.npoints for child in learner.learners] == [10, 10]


@pytest.mark.parametrize("children", [[3], [Learner1D], ["ab"]])
def test_children_that_are_no_learners(children: list[Any]) -> None:
    """What is no learner is refused."""
    with pytest.raises(TypeError, match="should hold learners"):
        BalancingLearner(children)


def test_no_children() -> None:
    """Without children there is nothing to balance."""
    with pytest.raises(ValueError, match="at least one learner"):
        BalancingLearner([])


async def _double(x: float) -> float:
    return 2 * x


def test_async_children() -> None:
    """Coroutine functions of children are seen through the function of the whole, and awaited."""
    learner = BalancingLearner([Learner1D(partial(_double), (-1, 1)), Learner1D(_step, (-1, 1))])
    assert inspect.iscoroutinefunction(learner.function)
    assert asyncio.run(learner.function((0, 0.5))) == 1.0
    assert asyncio.run(learner.function((1, 0.0))) == 0.0
    sequence = BalancingLearner([SequenceLearner(_double, [1, 2])])
    assert inspect.iscoroutinefunction(sequence.function)
    assert asyncio.run(sequence.function((0, (1, 2)))) == 4


def test_function_is_sent_without_data() -> None:
    """A pickle of the function holds the functions of the children and no data; called, it calls the child's."""
    learner = BalancingLearner(_children(5))
    empty = len(pickle.dumps(learner.function))
    _run(learner, 500)
    assert len(pickle.dumps(learner.function)) == empty
    function = pickle.loads(pickle.dumps(learner.function))
    assert function((3, 0.25)) == _step(0.25, 3 / 5)


def test_function_follows_the_children() -> None:
    """When a child gets another function, the function of the whole calls it."""
    learner = BalancingLearner(_children(2))
    learner.learners[1].function = _identity
    assert learner.function((1, 0.125)) == 0.125


def test_bulk_tells() -> None:
    """`tell_many` tells each child its points; the whole then looks as if told one by one."""
    source, learner = BalancingLearner(_children(3)), BalancingLearner(_children(3))
    _run(source, 60)
    learner.tell_many(source.data.keys(), source.data.values())
    assert learner.data == source.data
    assert learner.npoints == 60
    assert learner.loss() == pytest.approx(source.loss(), rel=1)


@pytest.mark.parametrize("point", [(3, 0.0), (-1, 0.0)])
def test_index_outside(point: Any) -> None:
    """A point of a child that is not there is an IndexError, for every way of telling."""
    learner = BalancingLearner(_children(3))
    for tell in (partial(learner.tell, y=1.0), learner.tell_pending, learner.tell_failed):
        with pytest.raises(IndexError, match="from 0 to 2"):
            tell(point)


@pytest.mark.parametrize("point", [0.5, None, ("a", 0.5), 3])
def test_no_point(point: Any) -> None:
    """What is no (index, point) is a TypeError."""
    with pytest.raises(TypeError, match="index of the child"):
        BalancingLearner(_children(3)).tell(point, 1.0)


def test_nsamples_only_where_children_count_them() -> None:
    """`nsamples` is an AttributeError if the children have none, so that displays can ask for it."""
    assert not hasattr(BalancingLearner(_children(2)), "nsamples")


# -------------------------------------------------------------------------------------------------- products and cdims


def test_from_product() -> None:
    """One child for each combination, the last name fastest; cdims say which is which."""
    combos = {"centre": [0.0, 0.5], "unused": "ab"}
    learner = BalancingLearner.from_product(_step_with, Learner1D, {"bounds": (-1, 1)}, combos)
    assert learner.cdims == named_product(**combos)
    assert [child.function.keywords for child in learner.learners] == learner.cdims
    assert learner.function((2, 0.5)) == 0.0


def _step_with(x: float, centre: float, unused: str) -> float:
    return _step(x, centre)


def _record(x: float, centre: float) -> dict[str, float]:
    return {"y": _step(x, centre), "centre": centre}


def test_from_product_of_data_savers() -> None:
    """`make_datasaver` can be the class of the children; iterators of values are read once."""
    make = make_datasaver(Learner1D, itemgetter("y"))
    learner = BalancingLearner.from_product(_record, make, {"bounds": (-1, 1)}, {"centre": iter([0.0, 0.5])})
    _run(learner, 20)
    assert learner.cdims == [{"centre": 0.0}, {"centre": 0.5}]
    assert learner.npoints == 20
    assert learner.learners[1].extra_data[1.0] == {"y": _step(1.0, 0.5), "centre": 0.5}


def test_cdims_forms() -> None:
    """All forms: cdims are dicts, or names and tuples of values; an iterator is read once; the default is numbers."""
    children = _children(4)
    assert BalancingLearner(children).cdims == [{"i": i} for i in range(4)]
    learner = BalancingLearner(children, cdims=(["a", "b"], ((a, b) for a in (1, 2) for b in (3, 4))))
    expected = named_product(a=[1, 2], b=[3, 4])
    assert learner.cdims == learner.cdims == expected
    assert BalancingLearner(children, cdims=iter(expected)).cdims == expected
    with pytest.raises(ValueError, match="describes 3"):
        BalancingLearner(children, cdims=expected[:3])


# ----------------------------------------------------------------------------------------------------- files and state


@pytest.mark.parametrize("as_function", [True, False])
def test_save_and_load(tmp_path: Path, as_function: bool) -> None:
    """Each child has its file, named by a function of the child or by a list."""
    learner, loaded = BalancingLearner(_children(3)), BalancingLearner(_children(3))
    _run(learner, 50)
    names: Any = [tmp_path / f"{i}.p" for i in range(3)]
    if as_function:
        names = lambda child: tmp_path / f"{child.function.keywords['centre']}.p"  # noqa: E731  # as users write it
    learner.save(names)
    loaded.load(names)
    assert loaded.data == learner.data
    assert len(list(tmp_path.iterdir())) == 3
    assert loaded.ask(1)[0][0][0] in range(3)


@pytest.mark.parametrize("fname", ["data.p", b"data.p", Path("data.p"), 3])
def test_one_name_for_all_is_refused(fname: Any) -> None:
    """A string is no list of names: it would be taken letter by letter."""
    with pytest.raises(TypeError, match="function child -> file name"):
        BalancingLearner(_children(3)).save(fname)


def test_copy_from() -> None:
    """`copy_from` copies child by child and shares nothing."""
    source, copied = BalancingLearner(_children(3)), BalancingLearner(_children(3))
    _run(source, 50)
    copied.copy_from(source)
    assert copied.data == source.data
    before = source.data
    _run(copied, 10)
    assert source.data == before
    with pytest.raises(ValueError, match="data of 2"):
        copied.copy_from(BalancingLearner(_children(2)))


def test_dry_ask_keeps_parameters_and_pending_points() -> None:
    """A dry ask leaves pending points and parameters of the children alone."""
    learner = BalancingLearner(_children(3))
    first, _ = learner.ask(9)
    pending = learner.pending_points
    learner.ask(9, tell_pending=False)
    assert learner.pending_points == pending
    assert not set(learner.ask(9)[0]) & set(first)


def test_children_told_directly() -> None:
    """After children were told directly, `forget_caches` makes the whole look at them anew."""
    learner = BalancingLearner(_children(2), strategy="npoints")
    _run(learner, 4)
    learner.learners[0].tell_many([0.1, 0.2, 0.3], [0.0, 0.1, 0.2])
    learner.forget_caches()
    assert [i for i, _ in learner.ask(3)[0]] == [1, 1, 1]


# ------------------------------------------------------------------------------------------------ children that ended


def _exhausted() -> BaseLearner:
    """Return a learner whose three integers are all known."""
    learner = Learner1D(float, (1, 3), integer=True)
    while points := learner.ask(1)[0]:
        learner.tell(points[0], 100.0 * points[0] ** 2)
    return learner


def _failing() -> BaseLearner:
    learner = Learner1D(abs, (-1, 1))
    while len(learner.failed_points) < MOST_FAILURES:
        learner.tell_failed(learner.ask(1)[0][0])
    return learner


def _finished() -> BaseLearner:
    learner = SequenceLearner(abs, [1, 2])
    for point in learner.ask(2)[0]:
        learner.tell(point, 1.0)
    return learner


@pytest.mark.parametrize("strategy", ["loss_improvements", "loss"])
def test_a_child_that_looks_flat_is_looked_at_again(strategy: Any) -> None:
    """It promises nothing, but gets a twentieth of the points of the others: a goal for each child is reached."""
    flat, steep = Learner1D(lambda x: 0.0, (0, 1)), Learner1D(lambda x: x**3, (0, 1))
    learner = BalancingLearner([flat, steep], strategy=strategy)
    BlockingRunner(learner, npoints_goal=10, executor=SequentialExecutor())
    assert flat.npoints == 10
    assert steep.npoints <= MOST_AHEAD * 10 + 2


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("places", [(0,), (0, 1, 2, 3), (1, 2)])
def test_failing_children_do_not_end_a_run_of_others(strategy: Any, places: tuple[int, ...]) -> None:
    """Failed points count as points of a child, so that the others are asked before the run gives up."""
    learner = BalancingLearner(
        [Learner1D(_fails if i in places else _step, (0, 1)) for i in range(5)], strategy=strategy
    )
    runner = BlockingRunner(learner, npoints_goal=6, on_error="continue", executor=SequentialExecutor())
    assert runner.goal_reached, runner.stop_reason
    assert all(child.npoints >= 6 for i, child in enumerate(learner.learners) if i not in places)


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("ended", [_exhausted, _failing, _finished])
def test_children_that_ended(ended: Any, strategy: Any) -> None:
    """A child that is done, exhausted or always failing is asked no more, and neither loss nor goals count it."""
    child = ended()
    points = child.npoints
    going = Learner1D(abs, (-1, 1))
    learner = BalancingLearner([child, going], strategy=strategy)
    BlockingRunner(learner, npoints_goal=30, executor=SequentialExecutor())
    assert (child.npoints, going.npoints) == (points, 30)
    assert learner.has_ended(0)
    assert not learner.has_ended(1)
    assert learner.loss() == going.loss()
    assert all(index == 1 for index, _ in learner.ask(5)[0])


def _nan(x: float) -> float:
    return math.nan


def _noise(x: float) -> float:
    return random.Random(x.hex()).gauss(0.0, 1.0)


@pytest.mark.parametrize(
    ("strategy", "hopeless", "words"),
    [
        ("cycle", (), "goal reached: error at most 0.001"),
        ("npoints", (_nan,), "goal not reached: child 2: none of the values"),
        ("loss", (_fails,), "goal not reached: child 2: all of its 20 points failed"),
        (
            "loss_improvements",
            (_nan, _noise, _nan),
            "goal not reached: children 2, 4: none of the values .*; child 3: noise of about",
        ),
    ],
)
def test_children_at_an_error_goal_are_left_alone(strategy: Any, hopeless: Any, words: str) -> None:
    """Each child gets the points that it gets alone; the run names those that ended without the goal, and says why."""
    alone = [Learner1D(f, (-1, 4), mode="auto") for f in (math.sin, abs)]
    for child in alone:
        assert BlockingRunner(child, error_goal=1e-3, executor=SequentialExecutor()).goal_reached
    learner = BalancingLearner(
        [*(child.new() for child in alone), *(Learner1D(f, (0, 1), mode="auto") for f in hopeless)], strategy=strategy
    )
    goal = LargestError(1e-3, learner) | Points(500)
    runner = BlockingRunner(learner, goal=goal, on_error="continue", executor=SequentialExecutor())
    assert re.match(words, runner.stop_reason), runner.stop_reason
    assert runner.goal_reached == (not hopeless)
    assert [child.npoints for child in learner.learners[:2]] == [child.npoints for child in alone]
    assert bool(learner.ask(1)[0]) == (not hopeless)  # more is left to ask for once all have reached it


class _Counted(Learner1D):
    claims = 0

    def claim(self) -> Any:
        type(self).claims += 1
        return super().claim()


def test_claims_of_children_are_made_when_they_have_changed() -> None:
    """With an error goal a point costs about as many claims beside 30 other children as beside one."""
    each = []
    for count in (2, 31):
        _Counted.claims = 0
        learner = BalancingLearner([_Counted(math.sin, (0, 2 + i / count)) for i in range(count)])
        BlockingRunner(learner, error_goal=0.01, executor=SequentialExecutor())
        each.append(_Counted.claims / learner.npoints)
        assert learner.claim() == max((child.claim() for child in learner.learners), key=lambda claim: claim.fraction)
    assert each[1] < 2 * each[0]


def test_an_estimate_leaves_out_children_that_ended_above_it() -> None:
    """Where not all children check their error: the others end the run, which says that the goal is not reached."""
    inner = BalancingLearner([Learner1D(math.sin, (0, 1)), Learner1D(_fails, (0, 1))])
    learner = BalancingLearner([AverageLearner(_gauss, atol=0.1), inner, IntegratorLearner(math.exp, (0, 1), 1e-8)])
    goal = LargestError(0.3, learner) | Points(2000)
    runner = BlockingRunner(learner, goal=goal, on_error="continue", executor=SequentialExecutor())
    expected = "goal not reached: child 1 ended with an error above 0.3; child 1: child 1: all of its 20 points failed"
    assert runner.stop_reason.startswith(expected), runner.stop_reason
    assert not runner.goal_reached


@pytest.mark.parametrize("strategy", ["loss_improvements", "loss", "npoints", "cycle"])
def test_all_children_ended(strategy: Any) -> None:
    """When all children have ended there are no points, and all losses count; a value brings a failing child back."""
    learner = BalancingLearner([_exhausted(), _failing()], strategy=strategy)
    assert learner.ask(3) == ([], [])
    assert learner.loss() == max(child.loss() for child in learner.learners)
    learner.tell((1, 0.1), 0.1)
    learner.tell((1, 0.2), 0.2)
    assert not learner.has_ended(1)
    assert [index for index, _ in learner.ask(1)[0]] == [1]


def test_a_child_that_awaits_values_has_not_ended() -> None:
    """A child whose points are all pending has not ended."""
    sequence = SequenceLearner(abs, [1, 2])
    learner = BalancingLearner([sequence, Learner1D(abs, (-1, 1))])
    sequence.ask(2)
    learner.forget_caches()
    assert not learner.has_ended(0)
