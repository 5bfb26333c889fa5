"""A learner is saved beside its run: whole files, the last one before the run is over, and no error lost."""

from __future__ import annotations

import asyncio
import os
import threading

import adaptive
import pytest

from adaptive_calib import AsyncRunner, BalancingLearner, SequenceLearner
from adaptive_calib.learner_io import snapshot as snapshots
from adaptive_calib.runner import SequentialExecutor
from tests.engine.doubles import Counting


async def soon(x):
    """Take a few turns of the loop."""
    for _ in range(5):
        await asyncio.sleep(0)
    return x


@pytest.mark.parametrize("background", [False, True])
def test_saved_at_once_now_and_then_and_at_the_end(background):
    """The first save sees the beginning, the last one everything; those between follow the interval."""
    saved = []
    begun = asyncio.Event()

    async def once_saved(x):
        await begun.wait()  # else a run in the background may be over before its saving begins
        return await soon(x)

    def save(one):
        saved.append(one.npoints)
        begun.set()

    learner = Counting(50, once_saved)
    runner = AsyncRunner(learner, npoints_goal=50, ntasks=1, background=background)
    with pytest.raises(ValueError, match="Must provide `save_kwargs`"):
        runner.start_periodic_saving()
    task = runner.start_periodic_saving(method=save, interval=1e-6)
    assert runner.saving_task is task
    runner.block_until_done()
    assert saved[-1] == 50
    assert len(saved) > 3
    assert saved == sorted(saved)


def test_the_run_is_over_when_the_last_save_is_there(tmp_path):
    """Who awaits the task and leaves the loop has the file, with all that was told."""
    fname = tmp_path / "new" / "x.pickle"

    async def main():
        runner = AsyncRunner(SequenceLearner(soon, range(20)), ntasks=4)
        runner.start_periodic_saving({"fname": fname}, 600)  # the familiar call, by position
        await runner.task

    asyncio.run(main())
    again = SequenceLearner(abs, range(20))
    again.load(fname)
    assert again.data == {x: x for x in range(20)}


def test_a_cancelled_run_is_saved(tmp_path):
    """What was told before the cancel is in the file."""
    fname = tmp_path / "x.pickle"
    learner = SequenceLearner(soon, range(10**5))

    async def main():
        enough = asyncio.Event()

        async def work(x):
            if x == 10:
                enough.set()
            return await soon(x)

        learner.function = SequenceLearner(work, range(10**5)).function
        runner = AsyncRunner(learner, ntasks=4)
        runner.start_periodic_saving({"fname": fname}, 600)
        await enough.wait()
        runner.cancel()
        with pytest.raises(asyncio.CancelledError):
            await runner.task

    asyncio.run(main())
    again = learner.new()
    again.load(fname)
    assert again.npoints == learner.npoints >= 10


def test_files_are_written_in_a_thread(tmp_path, monkeypatch):
    """The loop only takes the data; also for several files of a balancing learner."""
    threads = []
    replace = os.replace

    def note(*arguments):
        threads.append(threading.current_thread())
        replace(*arguments)

    monkeypatch.setattr(os, "replace", note)
    learner = BalancingLearner([SequenceLearner(abs, range(5)), SequenceLearner(abs, range(3))])
    runner = AsyncRunner(learner, executor=SequentialExecutor())
    runner.start_periodic_saving({"fname": [tmp_path / "a", tmp_path / "b"]})
    runner.block_until_done()
    assert threads
    assert threading.main_thread() not in threads
    again = learner.new()
    again.load([tmp_path / "a", tmp_path / "b"])
    assert again.npoints == 8


def test_what_is_taken_does_not_change_afterwards(tmp_path):
    """Points told between taking and writing are not in the file."""
    learner = SequenceLearner(abs, range(5))
    learner.tell((0, 0), 0)
    with snapshots.postponed() as writes:
        learner.save(tmp_path / "x")
    assert not (tmp_path / "x").exists()
    learner.tell((1, 1), 1)
    for write in writes:
        write()
    again = learner.new()
    again.load(tmp_path / "x")
    assert again.data == {0: 0}


def test_learners_of_python_adaptive_are_saved_too(tmp_path):
    """By their own method."""
    learner = adaptive.SequenceLearner(abs, range(5))
    runner = AsyncRunner(learner, executor=SequentialExecutor())
    runner.start_periodic_saving({"fname": str(tmp_path / "x")})
    runner.block_until_done()
    again = adaptive.SequenceLearner(abs, range(5))
    again.load(str(tmp_path / "x"))
    assert again.data == learner.data


def full(learner):
    raise OSError("disk full")


def test_a_failing_save_is_said_once_and_raised_at_the_end(caplog):
    """By the saving task and by the run; `status` tells it, and the learner has its points all the same."""
    learner = Counting(50, soon)
    runner = AsyncRunner(learner, npoints_goal=50, ntasks=1, background=False)
    task = runner.start_periodic_saving(method=full, interval=1e-6)
    with pytest.raises(OSError, match="disk full"):
        runner.block_until_done()
    assert isinstance(task.exception(), OSError)
    assert runner.status() == "failed"
    assert learner.npoints == 50
    assert caplog.text.count("saving the learner failed") == 1
    assert "failed at its end" not in caplog.text  # it was raised here


def test_a_disk_that_has_room_again_is_no_error(caplog):
    """Only the last save counts."""
    calls = []

    def full_at_first(learner):
        calls.append(learner.npoints)
        if len(calls) < 3:
            full(learner)

    runner = AsyncRunner(Counting(50, soon), npoints_goal=50, ntasks=1)
    runner.start_periodic_saving(method=full_at_first, interval=1e-6)
    runner.block_until_done()
    assert runner.status() == "finished"
    assert calls[-1] == 50


def test_the_error_of_the_run_counts_more():
    """It is raised, with a word about the save."""

    async def fail(x):
        raise ZeroDivisionError

    runner = AsyncRunner(Counting(5, fail), npoints_goal=5, ntasks=1, background=False)
    runner.start_periodic_saving(method=full)
    with pytest.raises(RuntimeError, match=" raised ") as caught:
        runner.block_until_done()
    assert "could not be saved at the end: OSError('disk full')" in caught.value.__notes__[0]


def test_saving_begun_after_a_background_run_is_over():
    """The loop of the run is closed by then: the learner is saved all the same, once or twice, and the task ends."""
    saved = []
    runner = AsyncRunner(Counting(5, soon), npoints_goal=5, ntasks=1, background=True)
    runner.block_until_done()
    while not runner.ioloop.is_closed():
        pass
    task = runner.start_periodic_saving(method=lambda one: saved.append(one.npoints), interval=1000)
    assert task.result(timeout=60) is None
    assert saved[-1] == 5
