"""Bad input to a calibration: clear words, counted, never a wrong curve in silence, nothing lost."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from adaptive_calib.calibration import (
    CalibrationLearner,
    Experiment,
    FixedLabel,
    OpaqueCalibrationLearner,
    Sampling,
    SequentialLabel,
    summarise,
)
from adaptive_calib.runner import BlockingRunner, SequentialExecutor
from adaptive_calib.view.calibration_learner import learner_view
from tests.calibration.worlds import Gaussians

FAST = Sampling(M=8, max_M=8, resample_ends=4)


def learner(experiments: Sequence[Any] | Gaussians, **changes: Any) -> CalibrationLearner:
    given: dict[str, Any] = {"Ldata": 32, "Linf": 128, "res": 4, "sampling": FAST, "c_list": [0.5, 2.0], "name": "bad"}
    return CalibrationLearner(experiments, **{**given, **changes})


def run(one: CalibrationLearner, **more: Any) -> Any:
    return BlockingRunner(one, executor=SequentialExecutor(), on_error="continue", **more)


def not_a_number(data: Any) -> Any:
    return np.full(len(data), np.nan)


def experiments(n: int) -> list[Experiment]:
    return [e for e in Gaussians(n) if isinstance(e, Experiment)]


def test_experiments_that_raise_are_counted_and_the_others_are_in_the_store(tmp_path: Path) -> None:
    """The failure is told with its number; what was finished is kept and found again."""
    one = learner(Gaussians(20, failing=frozenset({4, 9})))
    runner = run(one, store=tmp_path / "store.db")
    assert one.failed_points == {("new", 4), ("new", 9)}
    assert len(runner.failed) == 2
    assert one.cautions()[0].startswith("2 of 20 experiments failed and are left out; that is more than 1 %")
    again = learner(Gaussians(20, failing=frozenset(range(20))))  # whatever is evaluated now fails
    run(again, store=tmp_path / "store.db")
    assert again.npoints == 18
    for c in (0.5, 2.0):
        np.testing.assert_array_equal(one.column(c)[0], again.column(c)[0])


def test_losses_that_are_nan_are_a_failure_that_says_so() -> None:
    """NaN risks never enter a curve: their experiment fails with a message that names the loss."""
    ill = experiments(20)
    ill[3] = dataclasses.replace(ill[3], QA=not_a_number)
    one = learner(ill)
    run(one)
    assert one.failed_points == {("new", 3)}
    with pytest.raises(ValueError, match=r"experiment 3: QA\(data\) should be finite, but 32 of 32 losses are not"):
        one.function(("new", 3))
    assert {row.n for row in summarise(one)} == {19}


def test_identical_models_have_no_label() -> None:
    """An experiment with two equal candidates is undecided: left out, counted, and no c is accepted on it."""
    twins = [dataclasses.replace(e, QB=e.QA, candidateB=e.candidateA) for e in experiments(20)]
    one = learner(twins)
    run(one)
    assert not one.failed_points
    assert one.cautions() == (
        "20 of 20 labels are undecided and left out of the curves; decisions count them both ways. More infinite data "
        "would settle them, unless both candidates are the same model",
        "no experiment has a settled label: there is no curve, and no c is decided",
    )
    assert one.recommended_c() is None
    assert all(np.isnan(row.ece) for row in summarise(one))
    learner_view(one).data()  # nothing to draw is no error


def test_one_class_only() -> None:
    """If the same model always wins the run says so, and no c is accepted however many experiments there are."""
    always = [e for e in experiments(120) if e.QA(e.data_model(128)).mean() < e.QB(e.data_model(128)).mean()]
    one = learner(always, name="always A", Linf=None, labels=FixedLabel(128))
    run(one)
    assert any("the same model always wins" in words for words in one.cautions())
    assert one.acceptable_interval().state == "undecided"


@pytest.mark.parametrize("n", [1, 3, 15])
def test_fewer_experiments_than_bins(n: int) -> None:
    """A few experiments give a curve of one point, and the run says that they are few."""
    one = learner(Gaussians(n))
    run(one)
    assert any("fewer than one bin of 16" in words for words in one.cautions())
    assert all(len(curve.bins.x) == 1 for curve in learner_view(one).data().curves)


def test_no_experiment_at_all() -> None:
    """Nothing to evaluate ends at once, without a curve and without an error."""
    one = learner(Gaussians(0))
    run(one)
    assert (one.n_experiments, one.recommended_c(), summarise(one)) == (0, None, [])


@pytest.mark.parametrize("c", [0.0, -1.0, float("inf"), float("nan")])
def test_c_outside_its_range(c: float) -> None:
    """A c is a positive finite number, wherever it is given; the message shows the value."""
    words = r"c should (lie in \(0, inf\)|be positive and finite)"
    one = learner(Gaussians(4))
    with pytest.raises(ValueError, match=words):
        learner(Gaussians(4), c_list=[1.0, c])
    with pytest.raises(ValueError, match=words):
        learner(Gaussians(4), c_list=None, c_bounds=(c, 1.0))
    with pytest.raises(ValueError, match=words):
        one.add_c([c])
    with pytest.raises(ValueError, match=words):
        OpaqueCalibrationLearner(lambda point: (0.5, True), 10, start=[c])
    with pytest.raises(ValueError, match=words):
        OpaqueCalibrationLearner(lambda point: (0.5, True), 10).load_table({c: []})
    assert one.c_list == (0.5, 2.0)


@pytest.mark.parametrize(
    "wrong",
    [
        {"confidence": 0.3},  # of two distributions it would be .65 for each
        {"confidence": None},
        {"c_list": []},
        {"Ldata": 32.5},
        {"Linf": 1e3},
        {"res": 1.5},
        {"max_experiments": -1},
    ],
    ids=str,
)
def test_a_parameter_that_makes_no_sense_is_refused_at_once(wrong: dict[str, Any]) -> None:
    """The message shows the value that came, before any experiment is evaluated."""
    words = r"should (lie between 1/2 and 1|be a whole number|begin with at least one)"
    with pytest.raises(ValueError, match=words):
        CalibrationLearner({"a": Gaussians(4), "b": Gaussians(4, entropy=2)}, **{"Ldata": 32, "Linf": 128, **wrong})


@pytest.mark.parametrize("label", [float("nan"), 0.5, "B"])
def test_a_label_of_an_opaque_function_that_is_none(label: Any) -> None:
    """What is neither true, false nor None is no label; it would count as true."""
    one = OpaqueCalibrationLearner(lambda point: (0.5, True), 10)
    with pytest.raises(ValueError, match="B_epis should be True, False or None"):
        one.tell((0, 0.0), (0.5, label))
    assert not one.data


def test_all_is_well() -> None:
    """A calibration without such trouble has nothing to tell."""
    one = learner(Gaussians(40, spread=4.0), Linf=512)
    run(one)
    assert one.cautions() == ()


def outliers(seed: int, size: int) -> Any:
    rng = np.random.default_rng(seed)
    return np.where(rng.random(size) < 1 / 2000, 40.0, rng.normal(size=size))


def square(x: Any) -> Any:
    return 0.5 * x**2


def logarithm(x: Any) -> Any:
    return 3 * np.log1p(x**2 / 5) + 0.05


def same(x: Any) -> Any:
    return x


def heavy_tails(N: int) -> list[Experiment]:
    """The logarithmic loss is truly smaller, thanks to one point of 2000."""
    losses = [(square, logarithm), (logarithm, square)]
    return [Experiment(partial(outliers, i), same, same, *losses[i % 2]) for i in range(N)]


def test_labels_that_rest_on_rare_points_are_said() -> None:
    """Heavy tails are named; with a bound no label is wrong; a bound that is exceeded fails the experiment."""
    one = learner(heavy_tails(24), name="tails", Linf=None, labels=SequentialLabel(4096), res=1)
    run(one)
    assert any("heavy tails" in words for words in one.cautions())
    bounded = learner(heavy_tails(24), name="tails", Linf=None, labels=SequentialLabel(32768, bound=800.0), res=1)
    run(bounded)
    settled = [(i, label) for i, label in enumerate(bounded.labels) if not np.isnan(label)]
    assert all(label == (i % 2 == 1) for i, label in settled)
    assert not any("heavy" in words for words in bounded.cautions())
    exceeded = learner(heavy_tails(8), name="tails", Linf=None, labels=SequentialLabel(8192, bound=5.0), res=1)
    run(exceeded)
    assert exceeded.failed_points


def test_after_an_audit_that_disagrees_all_labels_are_found_from_all_points() -> None:
    """A rule that settles far too early is found out: no label rests on fewer than Linf points, and it is said.

    The same labels come out in whatever order the results come.
    """
    rule = SequentialLabel(8192, first=16, alpha=0.5, audit=0.5)
    one = learner(heavy_tails(40), name="audits", Linf=None, labels=rule, res=1)
    run(one)
    assert any("audited labels" in words for words in one.cautions())
    assert sum(one.record(i).sums.n < rule.Linf for i in range(40)) > 5  # settled early
    assert min(sums.n for sums, *_ in one.label_sums()) == rule.Linf
    wrong_early = sum(one.record(i).bepis not in (None, i % 2 == 1) for i in range(40))
    wrong = sum(not np.isnan(label) and label != i % 2 for i, label in enumerate(one.labels))
    assert wrong < wrong_early / 4
    backwards = one.new()
    for point in reversed(list(one.data)):
        backwards.tell(point, one.data[point])
    np.testing.assert_array_equal(backwards.labels, one.labels)
    assert backwards.done()


def test_audits_that_agree_cost_nothing() -> None:
    """While audits agree, labels stay where they were settled, and nothing is said."""
    rule = SequentialLabel(2048, first=128, audit=0.3)
    one = learner(Gaussians(30, spread=3.0), Linf=None, labels=rule, res=1)
    run(one)
    assert any(early is not None for *_, early in one.label_sums())
    assert min(sums.n for sums, *_ in one.label_sums()) < rule.Linf
    assert not any("audited" in words for words in one.cautions())


def test_near_ties_are_said() -> None:
    """Labels within two standard errors of a tie are counted."""
    one = learner(Gaussians(60, spread=0.02))
    run(one)
    assert any("near ties" in words for words in one.cautions())
    assert max(sums.n for sums, *_ in one.label_sums()) == 4 * 128
