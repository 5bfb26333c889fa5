"""The doubles themselves: tasks and time in a test's hands."""

from __future__ import annotations

import pytest

from adaptive_calib.engine.evaluate import Work
from adaptive_calib.testing.executors import ManualClock, ManualExecutor


def test_the_clock_moves_when_it_is_moved():
    """Both of its times move together, and never back."""
    clock = ManualClock(epoch=100.0)
    clock.move(2.5)
    assert (clock.monotonic(), clock.wall()) == (2.5, 102.5)
    with pytest.raises(ValueError, match="time goes forward"):
        clock.move(-1)


def test_a_task_ends_when_it_is_told_to():
    """Finish evaluates; break_with fails; each once; what has begun cannot be withdrawn."""
    executor = ManualExecutor()
    evaluate = executor.ship(Work(abs))
    heard = []
    first, second, third = (executor.submit(evaluate, [-x]) for x in (1, 2, 3))
    first.add_done_callback(heard.append)
    assert not first.done()
    with pytest.raises(RuntimeError, match="no result yet"):
        first.result()
    executor.task(-1).finish()
    assert heard == [first]
    assert first.result()[0].value == 1
    first.add_done_callback(heard.append)
    assert heard == [first, first]
    with pytest.raises(RuntimeError, match="over already"):
        first.finish()
    second.begin()
    assert not second.cancel()
    second.break_with(OSError("gone"))
    with pytest.raises(OSError, match="gone"):
        second.result()
    assert third.cancel()
    with pytest.raises(LookupError, match="no task is out"):
        executor.task(-3)
