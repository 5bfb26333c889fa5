"""Decisions hold at any look and over all c; the error rates themselves are measured by `tests.benchmarks.worlds`."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.special import expit

from adaptive_calib.calibration.axis import Axis
from adaptive_calib.calibration.decision import Rows, Tolerances, decide, judge, judge_table
from adaptive_calib.calibration.evidence import Evidence, closed_mean, extend
from adaptive_calib.calibration.family import Family
from adaptive_calib.calibration.slope import Status

C = [2.0**x for x in (-4, -2, 0, 2)]


def table(kappa, n: int, seed: int, m: float = 3.0):
    """B_EMD (n, 4) and labels of experiments with these calibration slopes."""
    rng = np.random.default_rng(seed)
    labels = (rng.random(n) < 0.5).astype(float)
    noise = math.sqrt(0.9) * rng.standard_normal((n, 1)) + math.sqrt(0.1) * rng.standard_normal((n, len(C)))
    t = m * np.where(labels == 1, 1, -1)[:, None] + math.sqrt(2 * m) * noise
    return expit(t / np.asarray(kappa)), labels


def test_clear_answers_are_found():
    """With slopes .5, .6, 1.5, 1.5 the first two c are rejected and the others accepted by 1500 experiments."""
    got = judge_table(C, *table([0.5, 0.6, 1.5, 1.5], 1500, 1))
    assert got.status.tolist() == [-1, -1, 1, 1]
    assert got.experiments_needed == {}
    assert got.interval.lower is not None
    assert (got.interval.lower.inside, got.interval.lower.outside) == (0, -2)


def test_no_bad_c_is_accepted_at_any_look():
    """Slope .88 at every c, 60 runs of 1000 experiments, every number of them looked at: no c is accepted."""
    for seed in range(60):
        assert not (judge_table(C, *table([0.88] * 4, 1000, seed)).status == Status.ACCEPTABLE).any()


def test_a_decision_is_kept_when_experiments_are_added():
    """What is decided after n experiments is decided alike after more."""
    bemd, labels = table([0.7, 0.85, 1.05, 1.5], 3000, 5)
    last = np.zeros(4, int)
    for n in range(100, 3000, 100):
        status = judge_table(C, bemd[:n], labels[:n]).status
        assert (status[last != 0] == last[last != 0]).all()
        last = status
    assert (last != 0).any()


def test_e_processes_have_means_of_at_most_one():
    """At the edge of their hypotheses the mean of each e-process over 4000 short runs is 1 within its error."""
    ends = []
    for seed in range(4000):
        bemd, labels = table([0.9] * 4, 12, seed)
        one = Evidence()
        extend([one], bemd[:, :1], labels)
        ends.append(np.exp([one.accept[-1], one.reject[-1], one.shape[-1]]))
    mean, error = np.mean(ends, axis=0), np.std(ends, axis=0) / math.sqrt(4000)
    assert (mean <= 1 + 4 * error).all()
    assert (mean[:2] >= 1 - 4 * error[:2]).all()  # the score has mean 0 there


def test_evidence_does_not_depend_on_the_steps():
    """Experiments one by one, in pieces, for one c or for many: the same processes."""
    bemd, labels = table([0.8, 1.0, 1.2, 1.5], 90, 2)
    labels[7], bemd[11, 1] = np.nan, np.nan
    whole, pieces = [Evidence() for _ in C], [Evidence() for _ in C]
    extend(whole, bemd, labels)
    for k, one in enumerate(pieces):
        for start, stop in ((0, 1), (1, 40), (40, 90)):
            extend([one], bemd[start:stop, [k]], labels[start:stop])
    for a, b in zip(whole, pieces, strict=True):
        for name in ("accept", "reject", "shape", "shape_terms", "weaker"):
            np.testing.assert_allclose(getattr(a, name), getattr(b, name), atol=1e-9)


def test_undecided_labels_count_against_every_decision():
    """A status never depends on how the undecided labels would be settled."""
    bemd, labels = table([0.5, 0.8, 1.2, 1.6], 1200, 3)
    lost = np.random.default_rng(0).random(1200) < 0.1
    hidden = np.where(lost, np.nan, labels)
    decided = judge_table(C, bemd, hidden).status
    for settled in (labels, np.where(lost, 0.0, labels), np.where(lost, bemd[:, 2] < 0.5, labels)):
        other = judge_table(C, bemd, settled.astype(float)).status
        assert not ((decided == 1) & (other == -1)).any()
    assert (judge_table(C, bemd, labels).status[2:] == 1).all()
    assert (decided[2:] <= 0).any()


@pytest.mark.parametrize(
    ("said", "side"),
    [
        (lambda t: np.where(t > 0, t / 0.6, t / 2), "favours A"),
        (lambda t: np.where(t > 0, t / 2, t / 0.6), "favours B"),
        (lambda t: np.sign(t) * (1.2 + 0.5 * np.abs(t)), ""),
    ],
)
def test_the_shape_of_the_curve_counts(said, side):
    """Over-confidence on one side or in the middle is found, although the slope may be right on average."""
    found = []
    for seed in range(8):
        rng = np.random.default_rng(seed)
        labels = (rng.random(3000) < 0.5).astype(float)
        t = 3.0 * np.where(labels == 1, 1, -1) + math.sqrt(6.0) * rng.standard_normal(3000)
        got = judge_table([1.0], expit(said(t))[:, None], labels)
        assert got.status[0] != Status.ACCEPTABLE
        found.append(not got.verdicts.curve_passed[0] and side in got.verdicts.curve_fault[0])
    assert sum(found) >= 6


@pytest.mark.parametrize("sign", [1, -1])
def test_a_side_that_is_over_confident_keeps_a_c_from_being_accepted(sign):
    """A slope of .8 on one side is not found by the shape test; that its scores do not grow is seen."""
    accepted, without = 0, 0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        labels = (rng.random(1500) < 0.5).astype(float)
        t = 3.0 * np.where(labels == 1, 1, -1) + math.sqrt(6.0) * rng.standard_normal(1500)
        bemd = expit(np.where(sign * t > 0, t / 0.8, t / 1.8))
        got = judge_table([1.0], bemd[:, None], labels)
        accepted += got.status[0] == Status.ACCEPTABLE
        one = Evidence()
        extend([one], bemd[:, None], labels)
        without += one.accept.max() >= math.log(40)
    assert without >= 10, "the slope of both sides together is above 0.9"
    assert accepted <= 1


def test_a_criterion_that_never_favours_one_side_is_judged_by_the_other():
    """Where no experiment has a side, that side cannot speak against a c."""
    bemd, labels = table([1.6] * 4, 1500, 4)
    bemd = np.where(bemd < 0.5, 0.5, bemd)
    assert (judge_table(C, bemd, labels).status == Status.ACCEPTABLE).any()


def test_one_kind_of_label_decides_nothing():
    """Where the same model always wins, no c is decided."""
    bemd, _ = table([1.5] * 4, 800, 4)
    got = judge_table(C, np.maximum(bemd, 1 - bemd), np.ones(800))
    assert not got.status.any()
    assert all(math.isinf(n) for n in got.experiments_needed.values())


def test_the_forecast_is_of_the_right_size():
    """An undecided c is decided at between a third and three times the experiments that were forecast, in most runs."""
    ratios = []
    for seed in range(20):
        bemd, labels = table([1.5] * 4, 3000, 100 + seed)
        early = judge_table(C, bemd[:200], labels[:200])
        forecast = early.experiments_needed.get(1.0)
        at = next((n for n in range(200, 3000, 50) if judge_table(C, bemd[:n], labels[:n]).status[2] == 1), 3000)
        if forecast is not None and math.isfinite(forecast):
            ratios.append(at / forecast)
    assert len(ratios) >= 12
    assert np.mean([1 / 3 <= r <= 3 for r in ratios]) >= 0.7


def test_closed_mean_is_the_smallest_mean_of_any_set():
    """The adjusted value of a c is that of brute force over all sets that contain it."""
    from itertools import combinations

    rng = np.random.default_rng(1)
    log_e, w = rng.normal(0, 3, (5, 4)), np.array([1.0, 1.0, 0.5, 0.25])
    got = np.exp(closed_mean(log_e, w, 0.7))
    e = np.exp(log_e)
    for row in range(5):
        for k in range(4):
            sets = [s for r in range(1, 5) for s in combinations(range(4), r) if k in s]
            best = min((w[list(s)] @ e[row, list(s)]) / (w[list(s)].sum() + 0.7) for s in sets)
            assert got[row, k] == pytest.approx(best)


def test_shares_of_a_family_add_up_to_its_error():
    """The lattice and, along any path of bisection, the gaps have no more than the error probability."""
    axis = Axis(start=(-8.0, -6.0, -4.0), bounds=(-12.0, 0.0), tol=0.5)
    family = Family(axis, 0.025)
    zero = np.zeros((1, 1))
    lattice = [-12.0, -10.0, -8.0, -6.0, -4.0, -2.0, 0.0]
    gaps = [np.exp(family.adjusted([a + 1.0], zero)[0, 0]) + np.exp(family.adjusted([a + 0.5], zero)[0, 0])
            for a in lattice[:-1]]  # fmt: skip
    assert sum(gaps) == pytest.approx(0.55 * 0.025)
    others = [0.3, 0.7]
    adjusted = np.exp(family.adjusted(others, np.zeros((1, 2))))
    np.testing.assert_allclose(adjusted, 0.05 * 0.025 * np.array([[0.5, 0.25]]))
    assert np.exp(family.adjusted(lattice, np.zeros((1, 7)))).max() <= 0.4 * 0.025 * 1.0001


def test_without_experiments_nothing_is_decided():
    """No experiment: every c is undecided, and no number of experiments is forecast."""
    axis = Axis()
    evidence = [Evidence() for _ in axis.start]
    got = decide(list(axis.start), evidence, np.empty(0), Family.of(axis, 0.95))
    assert not got.status.any()
    assert np.isinf(got.needed).all()
    now = judge(
        list(axis.start),
        np.empty((0, 7)),
        np.empty(0),
        [Rows("", np.empty(0, bool), evidence)],
        Tolerances(),
        Family.of(axis, 0.95),
    )
    assert now.interval.state == "undecided"


@pytest.mark.parametrize("confidence", [0.5, 1.0, 95])
def test_a_confidence_that_makes_no_sense_is_refused(confidence):
    """The confidence lies between 1/2 and 1."""
    with pytest.raises(ValueError, match="confidence"):
        Family.of(Axis(), confidence)
