"""Claims, and the check of an error goal at random places."""

from __future__ import annotations

import math
import pickle

import numpy as np
import pytest

from adaptive_calib.learner.claims import Claim, ErrorCheck, checks_needed


def test_number_of_checks():
    """It is the smallest number with (1 - fraction)^n <= 1 - confidence."""
    for fraction, confidence in ((0.1, 0.9), (0.05, 0.95), (0.01, 0.99), (0.5, 0.5)):
        n = checks_needed(fraction, confidence)
        assert (1 - fraction) ** n <= 1 - confidence < (1 - fraction) ** (n - 1)


@pytest.mark.parametrize("arguments", [(0, 0.9), (1, 0.9), (0.1, 0), (0.1, 1), (math.nan, 0.9), ("a", 0.9)])
def test_shares_lie_between_none_and_all(arguments):
    """A fraction or a confidence of 0 or 1 has no number of points."""
    with pytest.raises(ValueError, match="should be above 0 and below 1"):
        checks_needed(*arguments)


@pytest.mark.parametrize("error", [0, -1, math.inf, math.nan, "1e-3"])
def test_a_goal_is_above_zero(error):
    """No check ends with a goal of 0."""
    with pytest.raises(ValueError, match="above 0 and finite"):
        ErrorCheck(error)


def test_the_sentence():
    """A claim says in one line what it rests on."""
    claim = Claim(2e-3, 0.1, 0.9, 22, "checked", 0.01, 0.5, ((0.31, 0.32), (0.4, 0.5)))
    assert str(claim) == (
        "error at most 0.002; checked at 22 random points: exceeded on at most 10 % of the domain (90 % confidence); "
        "features narrower than 1 % of the domain may be missed; no prediction on 50 % of the domain, "
        "without valid values; but for a break between 0.31 and 0.32 and 1 more"
    )
    assert "estimated" in str(Claim.estimated(0.1))
    assert Claim.estimated(0.1).confidence == 0.0


@pytest.mark.parametrize("dimensions", [1, 2, 3])
def test_one_place_in_each_part_of_each_axis(dimensions):
    """The places are stratified, differ from check to check, and are the same for the same goal, seed and check."""
    check = ErrorCheck(0.01, dimensions, seed=3)
    places = np.array(check.places(known=30))
    assert places.shape == (22, dimensions)
    for column in places.T:
        assert sorted((column * 22).astype(int).tolist()) == list(range(22))
    assert check.places(30) == ErrorCheck(0.01, dimensions, seed=3).places(30)
    assert check.places(30) != ErrorCheck(0.011, dimensions, seed=3).places(30)
    assert check.places(30) != ErrorCheck(0.01, dimensions, seed=4).places(30)


def test_a_failed_check_makes_the_next_one_stricter():
    """It starts anew, at other places and one block more; a small miss also lowers the estimate at which it starts."""
    check = ErrorCheck(0.01)
    first = check.places(10)
    check.begin(10)
    assert check.record(0.009)
    assert not check.record(0.015)
    assert (check.failed, check.passed, check.begun) == (1, 0, False)
    assert check.target == pytest.approx(0.008)
    second = check.places(10)
    assert len(second) == 44
    assert not set(first) & set(second)
    assert not check.record(math.nan)
    assert not check.record(math.inf)
    assert check.target == pytest.approx(0.008)
    for _ in range(9):
        check.record(1.0)
    assert len(check.places(10)) == 22 * 8


def test_many_points_get_a_longer_check():
    """A tenth of the points observed when the check began; more points later do not change it."""
    check = ErrorCheck(0.01)
    assert len(check.places(1000)) == 88
    check.begin(1000)
    check.begin(5000)
    assert len(check.places(5000)) == 88
    assert ErrorCheck(0.01).places(1000)[:22] == ErrorCheck(0.01).places(10)


def test_the_claim_is_what_the_points_say():
    """Few points make a weaker statement, many a stronger one; every point known makes a certain one."""
    check = ErrorCheck(0.01)
    check.begin(5)
    assert check.claim().fraction == 1.0
    for count in range(1, 60):
        check.record(0.0)
        claim = check.claim()
        assert claim.checks == count
        assert (1 - claim.fraction) ** count <= 1 - claim.confidence + 1e-12
    assert check.claim().fraction < 0.05
    assert (check.claim(exhausted=True).fraction, check.claim(exhausted=True).confidence) == (0.0, 1.0)


@pytest.mark.parametrize("shape", ["one piece", "scattered", "everywhere"])
def test_a_wrong_interpolant_passes_rarely(shape):
    """Off on 10 % of the domain, in one piece or in many, it passes at most as often as the confidence allows."""
    passed = 0
    for seed in range(400):
        check = ErrorCheck(0.01, seed=seed)
        check.begin(10)
        for (x,) in check.places(10):
            wrong = {"one piece": 0.43 < x < 0.53, "scattered": x * 50 % 1 < 0.1, "everywhere": x * 22 % 1 < 0.1}[shape]
            check.record(1.0 if wrong else 0.0)
        passed += not check.failed
    assert passed / 400 <= (0.0 if shape == "one piece" else 0.1 + 3 * math.sqrt(0.09 / 400))


def test_pickled_in_the_middle():
    """A check goes on where it was."""
    check = ErrorCheck(0.01)
    check.record(1.0)
    check.begin(7)
    check.record(0.0)
    again = pickle.loads(pickle.dumps(check))
    assert again.places(100) == check.places(100)
    assert (again.failed, again.passed, again.begun) == (1, 1, True)
