"""The retry policy."""

from __future__ import annotations

import pytest

from adaptive_calib.engine.retry import RetryPolicy


def test_the_number_of_attempts_counts_the_first():
    """After so many failures there is no other attempt."""
    assert RetryPolicy().wait(1, OSError()) is None
    assert RetryPolicy(attempts=3).wait(2, OSError()) == 0.0
    assert RetryPolicy(attempts=3).wait(3, OSError()) is None


def test_waits_grow_up_to_the_longest():
    """Delay * backoff**(failures - 1), at most max_delay."""
    policy = RetryPolicy(attempts=9, delay=1.5, backoff=2, max_delay=5)
    assert [policy.wait(k, OSError()) for k in (1, 2, 3, 4)] == [1.5, 3.0, 5.0, 5.0]


@pytest.mark.parametrize("on", [OSError, (OSError,), lambda error: isinstance(error, OSError)])
def test_only_the_named_errors_are_tried_again(on):
    """A class, several, or a function of the error."""
    policy = RetryPolicy(attempts=2, on=on)
    assert policy.wait(1, OSError()) == 0.0
    assert policy.wait(1, ValueError()) is None


@pytest.mark.parametrize("arguments", [{"attempts": 0}, {"delay": -1}, {"backoff": 0.5}, {"max_delay": -1}])
def test_nonsense_is_refused(arguments):
    """Each bad value is named."""
    with pytest.raises(ValueError, match=next(iter(arguments))):
        RetryPolicy(**arguments)
