"""One answer to the question which objects are real numbers."""

from __future__ import annotations

import decimal
import fractions
import math
from typing import Any

import numpy as np
import pytest

from adaptive_calib import AverageLearner1D, IntegratorLearner, Learner1D, Learner2D, LearnerND
from adaptive_calib.learner.values import is_real_number, real_number, real_number_or_vector

pd = pytest.importorskip("pandas")


class Quantity:
    """As pint's: a number with a unit, which converts to a float without a word."""

    def __init__(self, value: Any) -> None:
        self.magnitude = value

    units = "metre"

    def __float__(self) -> float:
        return float(self.magnitude)

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        return np.asarray(self.magnitude)


class Tensor:
    """As another library's array: only `__array__` and `shape`."""

    def __init__(self, value: Any) -> None:
        self.array = np.asarray(value)
        self.shape = self.array.shape

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        return self.array


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (1.5, 1.5),
        (3, 3),
        (True, 1),
        (2**60 + 1, 2**60 + 1),
        (np.int64(2**60 + 1), 2**60 + 1),
        (np.uint64(2**64 - 1), 2**64 - 1),
        (np.array(2**60 + 1), 2**60 + 1),
        (np.float32(0.5), 0.5),
        (np.longdouble(0.25), 0.25),
        (np.array(0.5), 0.5),
        (np.bool_(True), 1),
        (fractions.Fraction(1, 4), 0.25),
        (decimal.Decimal("0.5"), 0.5),
        (Tensor(0.5), 0.5),
        (math.inf, math.inf),
        (np.ma.array(2.0, mask=False), 2.0),
    ],
)
def test_numbers_are_kept(value, number):
    """A real number is itself; an integer stays an integer, whatever its size; the result is a Python number."""
    for found in (real_number(value, 0.1), real_number_or_vector(value, 0.1)):
        assert found == number
        assert isinstance(found, int) == isinstance(number, int)
        assert isinstance(found, (int, float))
    assert is_real_number(value)


@pytest.mark.parametrize(
    "value", [np.ma.masked, np.ma.array(5.0, mask=True), math.nan, np.float32("nan"), decimal.Decimal("sNaN")]
)
def test_masked_is_invalid(value):
    """A masked value is NaN, not the number behind the mask."""
    assert math.isnan(real_number(value, 0.1))
    assert math.isnan(real_number_or_vector(value, 0.1))  # type: ignore[arg-type]  # a number


@pytest.mark.parametrize(
    "value",
    [
        "1.5", b"1.5", bytearray(b"1"), np.str_("1.5"), np.bytes_(b"1.5"), np.array("1.5"), None, 1j, 1 + 0j,
        np.complex128(1), np.array(1j), np.datetime64("2020"), np.timedelta64(3, "s"), Quantity(1.0),
        Quantity([1.0]), {1.0}, {"y": 1.0}, object(), iter([1.0]), pd.Timestamp(0), ["1.5"], [1.0, "2"], [1.0, None],
        [1.0, 1j],
        np.array([1j]), np.array(["1"]), [Quantity(1.0)], Tensor(1j), Tensor(["a"]), pd.Series(["a"]), [1, b"2"],
    ],
)  # fmt: skip
def test_what_is_no_number_is_refused(value):
    """Text, complex numbers, dates, units, None and containers of these raise a TypeError that names the point."""
    for function in (real_number, real_number_or_vector):
        with pytest.raises(TypeError, match=r"^the value at 0\.25 should be a real number"):
            function(value, 0.25)
    assert not is_real_number(value)


@pytest.mark.parametrize("value", [[1.0], (1.0,), np.array([1.0]), Tensor([1.0]), pd.Series([1.0]), [np.float32(1)]])
def test_a_container_of_one_number_is_a_vector(value):
    """It is never taken for the number in it."""
    with pytest.raises(TypeError, match="real number"):
        real_number(value, 0.1)
    vector = real_number_or_vector(value, 0.1)
    assert isinstance(vector, np.ndarray)
    assert vector.shape == (1,)


def test_vectors_are_fresh_float_arrays():
    """A vector is a copy, of floats; masked elements are NaN; labels of a Series are ignored."""
    own = np.array([1.0, 2.0])
    vector = real_number_or_vector(own, 0.1)
    own[0] = 5.0
    assert np.array_equal(vector, [1.0, 2.0])
    masked = np.ma.array([1, 2, 3], mask=[False, True, False])
    assert np.array_equal(real_number_or_vector(masked, 0.1), [1.0, math.nan, 3.0], equal_nan=True)
    assert np.array_equal(real_number_or_vector([1.0, np.ma.masked], 0.1), [1.0, math.nan], equal_nan=True)
    assert np.array_equal(real_number_or_vector(pd.Series([1, 2], index=["unit", "b"]), 0.1), [1.0, 2.0])
    assert np.array_equal(real_number_or_vector(range(3), 0.1), [0.0, 1.0, 2.0])
    assert np.array_equal(real_number_or_vector([fractions.Fraction(1, 2), 2**53], 0.1), [0.5, 2.0**53])


@pytest.mark.parametrize("value", [10**400, -(10**400), [10**400], [2**53 + 1], np.array([2**53 + 1, 0])])
def test_integers_are_never_rounded(value):
    """An integer that a float cannot hold is refused where a float is needed."""
    with pytest.raises(ValueError, match="float"):
        real_number_or_vector(value, 0.1)


@pytest.mark.parametrize("value", [[], np.empty(0), np.empty((2, 0)), [[1.0, 2.0]], np.ones((2, 2))])
def test_shapes(value):
    """A vector has one dimension and at least one element."""
    with pytest.raises(ValueError, match="shape"):
        real_number_or_vector(value, 0.1)


@pytest.mark.parametrize("bad", ["0", 1j, None, [0.0], pd.Timedelta(1, "s")])
@pytest.mark.parametrize(
    "make",
    [
        lambda pair: Learner1D(abs, pair),
        lambda pair: AverageLearner1D(abs, pair),
        lambda pair: IntegratorLearner(abs, pair, 1e-3),
        lambda pair: Learner2D(abs, [(0, 1), pair]),
        lambda pair: LearnerND(abs, [pair, (0, 1)]),
    ],
)
def test_bounds_are_numbers_as_values_are(make, bad):
    """Text that looks like a number is refused, in every learner; integers and NumPy's numbers are not."""
    with pytest.raises((TypeError, ValueError), match=r"bounds.* should be"):
        make((bad, 1))
    make((0, np.float32(1)))
