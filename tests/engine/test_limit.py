"""Time limits of evaluations in worker processes."""

from __future__ import annotations

import ctypes
import time
from concurrent.futures import ProcessPoolExecutor

import pytest

from adaptive_calib.engine.limit import TimeLimitError
from adaptive_calib.runner import BlockingRunner
from tests.engine.doubles import Tolerant


def deadlocked(x):
    """Hang in compiled code at 1, where no signal of Python's is handled."""
    if x == 1:
        library, mutex = ctypes.CDLL(None), ctypes.create_string_buffer(64)
        library.pthread_mutex_lock(mutex)
        library.pthread_mutex_lock(mutex)
    return x


@pytest.mark.parametrize("points_per_task", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_a_limit_ends_compiled_code(points_per_task):
    """The worker is replaced, the point fails with TimeLimitError, and the others are not affected."""
    learner = Tolerant(4, deadlocked)
    runner = BlockingRunner(
        learner,
        npoints_goal=4,
        executor=lambda: ProcessPoolExecutor(2),
        timeout=1.0,
        on_error="continue",
        points_per_task=points_per_task,
    )
    assert learner.data == {0: 0, 2: 2, 3: 3}
    (failure,) = runner.failures
    assert failure.point == 1
    if points_per_task == 1:
        assert isinstance(failure.error, TimeLimitError)
    assert runner.elapsed_time() < 30


def test_no_limit_for_points_that_wait_for_a_worker():
    """Only the time in a worker counts, so a queue longer than the limit fails nothing."""
    learner = Tolerant(8, rest)
    runner = BlockingRunner(
        learner, npoints_goal=8, executor=lambda: ProcessPoolExecutor(1), ntasks=8, timeout=0.5, on_error="continue"
    )
    assert runner.failures == []
    assert learner.npoints == 8


def rest(x):
    time.sleep(0.3)
    return x
