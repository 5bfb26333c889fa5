from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from adaptive_calib.calibration.curve import acceptable_interval, recommended_c, slope_status

GRID = np.arange(-4.0, 5.0)


def _interval(slopes, se=0.1, x=GRID):
    slopes, ses = np.asarray(slopes, dtype=float), np.full(len(slopes), se)
    return acceptable_interval(x, slope_status(slopes, ses), slopes, ses)


def test_unimodal_slope_gives_both_boundaries():
    """Over-confident at both ends, acceptable in between: two brackets, and crossings inside them."""
    got = _interval([0.3, 0.6, 1.2, 3, 5, 4, 2, 0.6, 0.2])
    assert got.state == "found"
    assert (got.lower.outside, got.lower.inside, got.upper.inside, got.upper.outside) == (-3, -2, 2, 3)
    assert_allclose([got.lower.estimate, got.upper.estimate], [-2.5, 2 + 1.1 / 1.4])
    for end in (got.lower, got.upper):
        assert end.low < end.estimate < end.high
        assert not end.open
        assert end.width == 1
    assert (got.lower.low, got.lower.high) == (-3, -2)  # the bracket of the decisions
    assert got.c_bounds == (0.25, 4)
    assert got.acceptable == (-2, -1, 0, 1, 2)
    assert recommended_c(got) == 0.25


def test_shape_of_the_slope_does_not_matter():
    """Wiggles of the slope above the threshold change nothing."""
    got = _interval([0.3, 0.6, 5, 1.2, 4, 1.3, 2, 0.6, 0.2])
    assert (got.lower.inside, got.upper.inside, got.others) == (-2, 2, ())


def test_order_of_c_does_not_matter():
    """The grid may come in any order."""
    slopes = np.array([0.3, 0.6, 1.2, 3, 5, 4, 2, 0.6, 0.2])
    order = np.random.default_rng(1).permutation(9)
    assert _interval(slopes[order], x=GRID[order]) == _interval(slopes)


def test_all_acceptable_is_open_at_both_ends():
    """If every c is acceptable both ends are open, and the smallest is recommended."""
    got = _interval([2] * 9)
    assert got.lower.open
    assert got.upper.open
    assert got.upper.width == np.inf
    assert np.isnan(got.lower.estimate)
    assert (got.lower.low, got.lower.high, got.upper.high) == (-np.inf, -4, np.inf)
    assert recommended_c(got) == 2.0**-4
    assert "open" in got.words


@pytest.mark.parametrize(("slopes", "state"), [([0.3] * 9, "none"), ([0.9] * 9, "undecided"), ([], "undecided")])
def test_nothing_acceptable_is_told(slopes, state):
    """No acceptable c, or none decided yet, or no c at all: no interval, no recommendation, words that say which."""
    got = _interval(slopes, x=GRID[: len(slopes)])
    assert (got.state, got.lower, got.upper) == (state, None, None)
    assert recommended_c(got) is None
    assert recommended_c(got, GRID, np.zeros(9)) is None
    assert np.isnan(got.c_bounds).all()
    assert "No c is" in got.words


def test_undecided_c_stay_in_the_bracket():
    """Undecided c neither end the run nor count as acceptable; they are listed at the boundary."""
    got = _interval([0.3, 0.85, 1.0, 3, 0.95, 4, 0.9, 1.0, 0.9])
    assert (got.lower.outside, got.lower.inside, got.lower.undecided) == (-4, -1, (-3, -2))
    assert got.lower.low < got.lower.estimate < got.lower.high
    assert (got.upper.inside, got.upper.open, got.upper.undecided) == (1, True, (2, 3, 4))
    assert got.acceptable == (-1, 1)
    assert "undecided: 2^2" in got.words


def test_several_intervals_are_all_reported():
    """Where c is acceptable in several intervals, the longest gives the ends, and the others are reported."""
    got = _interval([2, 2, 0.3, 2, 2, 2, 2, 0.3, 2])
    assert (got.lower.inside, got.upper.inside, got.others) == (-1, 2, ((-4, -3), (4, 4)))
    assert "acceptable in 2 more: 2^-4 to 2^-3, 2^4" in got.words


def test_recommended_c_by_log_score():
    """The smallest log score wins among acceptable and undecided c of the run, not among refused ones."""
    got = _interval([0.3, 1.0, 1.2, 3, 5, 4, 2, 0.6, 0.2])
    scores = np.array([0.0, 0.1, 0.2, 0.3, 0.4, np.nan, 0.4, 0.0, 0.0])
    assert recommended_c(got, GRID, scores) == 2.0**-3
    assert recommended_c(got, GRID, np.full(9, np.nan)) == 0.25
    assert recommended_c(got, GRID, np.zeros(9)) == 2.0**-3


def test_brackets_alone_need_no_slopes():
    """Without slopes a boundary lies somewhere in its bracket."""
    got = acceptable_interval([0, 1, 2], [-1, 1, 1])
    assert_array_equal([got.lower.low, got.lower.estimate, got.lower.high], [0, 0.5, 1])


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (([0, 0], [1, 1]), "once"),
        (([0, np.nan], [1, 1]), "finite"),
        (([0, 1], [1]), "shape"),
        (([0], [1], [1]), "both"),
    ],
)
def test_bad_grids_are_refused(arguments, word):
    """A grid holds finite values, each once, with one status each."""
    with pytest.raises(ValueError, match=word):
        acceptable_interval(*arguments)


def test_scores_need_their_c():
    """Log scores without their c are refused."""
    with pytest.raises(ValueError, match="both"):
        recommended_c(_interval([2] * 9), GRID)
    with pytest.raises(ValueError, match="shape"):
        recommended_c(_interval([2] * 9), GRID, [1.0])
