"""Which objects are real numbers for a learner: one answer for all learners.

==========================================  ===========================================================================
value                                       treated as
==========================================  ===========================================================================
float, int, bool, `fractions.Fraction`      the number; an int stays an int
NumPy scalar, array of shape ()             the number, as a Python float or int
NaN, ±inf                                   the number; learners count it as invalid
masked (``numpy.ma.masked``, a masked cell) NaN
complex, str, bytes, dates, None            refused (TypeError), also inside a container
a quantity with a unit                      refused (TypeError): a number without its unit is another number
an int that no float holds (10**400)        refused (ValueError)
a container of one number                   a vector of length 1 where vectors are possible, else refused (TypeError)
a vector with an int beyond ±2**53          refused (ValueError): vectors are arrays of floats
==========================================  ===========================================================================

`place` in the messages is the point, so that a user finds the evaluation.
"""

from __future__ import annotations

import decimal
import math
import numbers
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from adaptive_calib._arrays import Floats

__all__ = [
    "LARGEST_EXACT",
    "NO_VALUES",
    "is_real_number",
    "no_valid_value",
    "real_number",
    "real_number_or_vector",
    "two_numbers",
    "value_and_vector",
]

#: Integers up to this size are exact as floats.
LARGEST_EXACT = 2**53

#: Largest size of a valid value of a function of several numbers.
LARGEST_VALUE = 1e300

#: A run to an error goal ends at this number of points if none has a valid value.
NO_VALUES = 40

NUMBER = "a real number"
NUMBER_OR_VECTOR = "a real number or a vector of real numbers"


def no_valid_value(count: int) -> str:
    """Return why a run ends at `count` points if none of them has a valid value; "" below `NO_VALUES`.

    Examples
    --------
    >>> no_valid_value(39), no_valid_value(40)
    ('', 'none of the values at 40 points is valid (they are NaN, infinite or failed)')
    """
    if count < NO_VALUES:
        return ""
    return f"none of the values at {count} points is valid (they are NaN, infinite or failed)"


def _refused(value: Any, place: Any, expected: str, advice: str = "") -> TypeError:
    shown = repr(value)
    if len(shown) > 200:
        shown = shown[:200] + "..."
    text = f"the value at {place!r} should be {expected}, but is {shown} ({type(value).__name__})"
    return TypeError(f"{text}; {advice}." if advice else f"{text}.")


def _advice(value: Any) -> str:
    """Return the advice for a value that is refused; empty if there is none."""
    if value is None:
        return "for a failed point use `tell_failed`"
    if isinstance(value, (str, bytes, bytearray)):
        return "convert text to a number first"
    if isinstance(value, (complex, np.complexfloating)) or getattr(getattr(value, "dtype", None), "kind", "") == "c":
        return "return the real part, the modulus, or both parts as a vector"
    return "return the number in a fixed unit, without the unit" if _has_unit(value) else ""


def _has_unit(value: Any) -> bool:
    # "units" in pint, unyt and xarray, "unit" in astropy; not by getattr alone, for which a pandas Series returns the
    # element of that label
    names = "units", "unit"
    if any(hasattr(type(value), name) for name in names):
        return True
    own = getattr(value, "__dict__", None), getattr(value, "attrs", None)
    return any(name in mapping for mapping in own if isinstance(mapping, Mapping) for name in names)


def _checked_int(value: int, place: Any) -> int:
    try:
        float(value)
    except OverflowError:
        raise ValueError(
            f"the value at {place!r} is an integer of {value.bit_length()} bits, too large for a float; scale it down."
        ) from None
    return value


def real_number(value: Any, place: Any, expected: str = NUMBER) -> float | int:
    """Return a value as a float or, if it is an integer, as an int.

    Parameters
    ----------
    value
        What a function returned; see the table above.
    place
        The point, for the message.
    expected : str
        What the message says should have come.

    Raises
    ------
    TypeError
        `value` is no real number.
    ValueError
        An int that is too large for a float.

    Examples
    --------
    >>> import numpy as np
    >>> from adaptive_calib.learner.values import real_number
    >>> real_number(np.float32(0.5), 0.1), real_number(2**60 + 1, 0.1), real_number(np.ma.masked, 0.1)
    (0.5, 1152921504606846977, nan)
    >>> real_number("1.5", 0.1)
    Traceback (most recent call last):
        ...
    TypeError: the value at 0.1 should be a real number, but is '1.5' (str); convert text to a number first.
    """
    if isinstance(value, float):
        return value
    if isinstance(value, int):
        return _checked_int(value, place)
    if np.ma.isMaskedArray(value) and value.ndim == 0 and np.ma.is_masked(value):
        return math.nan
    if _has_unit(value):
        raise _refused(value, place, expected, _advice(value))
    if isinstance(value, (np.generic, np.ndarray)):
        if value.ndim or value.dtype.kind not in "biuf":
            raise _refused(value, place, expected, _advice(value))
        number = value.item()
        # the item of a long double is a long double
        return number if isinstance(number, int) else float(number)
    if isinstance(value, (numbers.Real, decimal.Decimal)):
        if isinstance(value, decimal.Decimal) and value.is_nan():  # a signaling one is refused by float()
            return math.nan
        try:
            return float(value)
        except OverflowError:
            raise ValueError(f"the value at {place!r} is too large for a float; scale it down.") from None
    if getattr(value, "shape", None) == () and hasattr(value, "__array__"):  # a scalar array of another library
        return real_number(np.asarray(value)[()], place, expected)
    raise _refused(value, place, expected, _advice(value))


def real_number_or_vector(value: Any, place: Any) -> float | int | Floats:
    """Return a value as `real_number` does or, if it is a vector, as a new float array of shape (N,), N at least 1.

    Parameters
    ----------
    value
        What a function returned; see the table above.
    place
        The point, for the message.

    Raises
    ------
    TypeError
        `value` is no real number and no vector of them.
    ValueError
        An array of more than one dimension or without elements; an integer that a float does not hold exactly, in a
        vector.

    Examples
    --------
    >>> import numpy as np
    >>> from adaptive_calib.learner.values import real_number_or_vector
    >>> real_number_or_vector((1, 2.5), 0.1), real_number_or_vector(np.ma.array([1.0, 2.0], mask=[False, True]), 0.1)
    (array([1. , 2.5]), array([ 1., nan]))
    """
    if isinstance(value, (float, int)) or not _is_container(value):
        return real_number(value, place, NUMBER_OR_VECTOR)
    if isinstance(value, Sequence) and len(value) and not any(map(_is_container, value)):
        # element by element: NumPy would make text of a number beside text, and drop masks and units
        return _exact([real_number(element, place, NUMBER_OR_VECTOR) for element in value], place)
    masked = np.ma.getmaskarray(value) if np.ma.isMaskedArray(value) else None
    array = _array(value, place)
    if array.ndim != 1 or not array.size:
        raise ValueError(
            f"the value at {place!r} should be {NUMBER_OR_VECTOR}, but has shape {array.shape}; "
            "return a flat array with at least one element."
        )
    if array.dtype.kind == "O":
        array = _exact([real_number(element, place, NUMBER_OR_VECTOR) for element in array.tolist()], place)
    elif array.dtype.kind not in "biuf":
        raise _refused(value, place, NUMBER_OR_VECTOR, _advice(array))
    elif array.dtype.kind in "iu" and array.dtype.itemsize == 8:
        array = _exact(array.tolist(), place)
    vector: Floats = np.array(array, dtype=float)
    if masked is not None:
        vector[masked] = math.nan
    return vector


def value_and_vector(
    value: Any, place: Any, shape: tuple[int, ...] | None
) -> tuple[float | int | Floats, Floats | None]:
    """Return a value as `real_number_or_vector` does, and as a vector of shape (M,), None if it is invalid.

    Parameters
    ----------
    value
        What a function returned.
    place
        The point, for the message.
    shape : tuple or None
        Shape of the values before; None without any.

    Raises
    ------
    TypeError
        `value` is no real number and no vector of them.
    ValueError
        It has another shape, or is larger than 1e300. A lone NaN is an invalid value of any shape.

    Examples
    --------
    >>> from adaptive_calib.learner.values import value_and_vector
    >>> value_and_vector(2, (0.1, 0.2), None), value_and_vector(float("nan"), (0.1, 0.2), (3,))
    ((2, array([2.])), (nan, None))
    """
    number = real_number_or_vector(value, place)
    array = np.array(number, float)
    finite = bool(np.isfinite(array).all())
    if finite and float(np.abs(array).max()) > LARGEST_VALUE:
        raise ValueError(
            f"the value at {place!r} should be at most {LARGEST_VALUE:g} in size, as differences of larger ones "
            f"overflow, but is {value!r}; return it in another unit, or its logarithm."
        )
    if shape is not None and array.shape != shape and (finite or array.ndim):
        raise ValueError(
            f"the value at {place!r} should have shape {shape} like the values before, but has shape {array.shape}."
        )
    return number, (np.atleast_1d(array) if finite else None)


def _is_container(value: Any) -> bool:
    """Whether a value has elements in an order: a sequence, or an array of at least one dimension."""
    if isinstance(value, (str, bytes, bytearray, np.generic)) or _has_unit(value):
        return False
    shape = getattr(value, "shape", None)
    if shape is not None:
        return bool(shape != ())
    return isinstance(value, Sequence) or hasattr(value, "__array__")


def _array(value: Any, place: Any) -> np.ndarray[Any, Any]:
    """Return the elements as an array of any type and shape, without a mask."""
    try:
        return np.asarray(np.ma.getdata(value) if np.ma.isMaskedArray(value) else value)
    except (TypeError, ValueError, RuntimeError):
        raise _refused(value, place, NUMBER_OR_VECTOR, _advice(value)) from None


def _exact(elements: Sequence[float | int], place: Any) -> Floats:
    """Return a float array; ValueError if that changes an integer."""
    array = np.array(elements, dtype=float)
    for element, number in zip(elements, array.tolist(), strict=True):
        if isinstance(element, int) and element != number:
            raise ValueError(
                f"the vector at {place!r} holds the integer {element}, which a float cannot hold exactly; "
                "return floats, or smaller integers."
            )
    return array


def two_numbers(bounds: Any) -> tuple[float, float]:
    """Return the ends of an interval as floats.

    Raises
    ------
    TypeError
        `bounds` are not two real numbers (text is none, see the table above).

    Examples
    --------
    >>> from adaptive_calib.learner.values import two_numbers
    >>> two_numbers([0, 2.5])
    (0.0, 2.5)
    """
    ends = list(bounds)
    if len(ends) != 2:
        raise TypeError(f"an interval has two ends, not {len(ends)}.")
    low, high = (float(real_number(end, None)) for end in ends)
    return low, high


def is_real_number(value: Any) -> bool:
    """Whether `real_number` accepts a value, masked ones included.

    Examples
    --------
    >>> from adaptive_calib.learner.values import is_real_number
    >>> is_real_number(1), is_real_number("1"), is_real_number([1.0])
    (True, False, False)
    """
    try:
        real_number(value, None)
    except (TypeError, ValueError):
        return False
    return True
