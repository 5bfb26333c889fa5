"""What can be known to go wrong shows before a run, as a plain traceback with advice."""

from __future__ import annotations

import pickle
import threading
from concurrent.futures import ProcessPoolExecutor

import cloudpickle
import pytest

from adaptive_calib import AsyncRunner, BlockingRunner, SequenceLearner
from adaptive_calib.engine.ship import LoadingError
from adaptive_calib.runner import SequentialExecutor, preflight
from adaptive_calib.store import Evaluation, MemoryStore, SQLiteStore
from tests.engine.doubles import Tolerant


def processes():
    return ProcessPoolExecutor(1)


class NoWayBack:
    """Can be pickled, but not read again."""

    def __call__(self, x):
        return x

    def __reduce__(self):
        return int, ("x",)


class Remote:
    """Can be read again here, but not in a worker."""

    def __init__(self):
        import os

        self.pid = os.getpid()

    def __call__(self, x):
        return x

    def __reduce__(self):
        return _remote, (self.pid,)


def _remote(pid):
    import os

    if os.getpid() != pid:
        raise ModuleNotFoundError("No module named 'my_model'")
    return Remote()


@pytest.mark.parametrize("start", [AsyncRunner, BlockingRunner, preflight])
def test_functions_that_cannot_travel_are_refused_at_once(start):
    """In the constructor, before anything is evaluated; not where they need not travel."""
    lock = threading.Lock()
    with pytest.raises(TypeError, match=r"should be picklable.*but .*Keep open files, locks"):
        start(Tolerant(5, lambda x: lock), executor=processes, **({} if start is preflight else {"npoints_goal": 5}))
    with pytest.raises(TypeError, match=r"but not be read again: ValueError\(.*own __reduce__"):
        start(Tolerant(5, NoWayBack()), executor=processes, **({} if start is preflight else {"npoints_goal": 5}))
    preflight(Tolerant(5, lambda x: lock), executor=SequentialExecutor(), try_first=True)


def test_what_is_missing_in_the_workers_ends_the_run_with_that():
    """It is no point's fault, so no point fails, also with on_error="continue"."""
    learner = Tolerant(5, Remote())
    with pytest.raises(LoadingError, match=r"No module named 'my_model'.*importable in the workers"):
        BlockingRunner(learner, npoints_goal=5, executor=processes, on_error="continue")
    assert not learner.gone
    preflight(learner, executor=processes, try_first=False)
    for try_first in ("pickle", True):
        with pytest.raises(LoadingError, match="my_model"):
            preflight(learner, executor=processes, try_first=try_first)


def test_the_first_point_is_tried_in_a_worker():
    """A mistake in the function shows with its traceback; the point stays to be asked for."""
    learner = Tolerant(5, lambda x: 1 / x)
    with pytest.raises(ZeroDivisionError) as caught:
        preflight(learner, executor=processes, try_first=True)
    assert "at the point 0, in a worker" in caught.value.__notes__[0]
    assert learner.ask(1, tell_pending=False)[0] == [0]
    preflight(learner, executor=processes)
    with pytest.raises(ZeroDivisionError):
        preflight(Tolerant(5, lambda xs: 1 / 0), executor=processes, batch=True, try_first=True)


def test_functions_and_executors_have_to_be_some():
    """Nonsense is refused by name."""
    with pytest.raises(TypeError, match="should be callable"):
        preflight(Tolerant(5, "abs"), executor=SequentialExecutor())
    with pytest.raises(TypeError, match="Only a concurrent"):
        preflight(Tolerant(5), executor=5)
    with pytest.raises(RuntimeError, match="no workers"):
        preflight(Tolerant(5), executor=Empty())


class Empty(ProcessPoolExecutor):
    """A pool that has no workers yet."""

    num_workers = 0


def test_the_store_is_looked_at(tmp_path):
    """Points without a canonical form, files that are no store; a good one is left as it is."""
    learner = SequenceLearner(Evaluation(abs, name="a"), [object()])
    with pytest.raises(TypeError, match="point_key"):
        preflight(learner, executor=SequentialExecutor(), store=MemoryStore())
    (tmp_path / "no.db").write_text("this is no store " * 100)
    with pytest.raises(Exception, match=r"no\.db"):
        preflight(SequenceLearner(abs, [1]), executor=SequentialExecutor(), store=tmp_path / "no.db")
    learner = SequenceLearner(Evaluation(abs, name="a"), [1, 2])
    preflight(learner, executor=SequentialExecutor(), store=tmp_path / "a.db", try_first=True)
    runner = BlockingRunner(learner, executor=SequentialExecutor(), store=tmp_path / "a.db")
    assert runner.progress.told == 2
    preflight(learner, executor=SequentialExecutor(), store=SQLiteStore(tmp_path / "a.db"), mode="read-only")


def test_without_a_look_the_run_says_it():
    """try_first=False leaves it to the start of the run."""
    lock = threading.Lock()
    runner = AsyncRunner(Tolerant(5, lambda x: lock), npoints_goal=5, executor=processes, try_first=False)
    with pytest.raises(TypeError, match="should be picklable"):
        runner.block_until_done()


def test_the_examples_are_what_they_say():
    """The doubles above do what their names promise."""
    with pytest.raises(ValueError, match="invalid literal"):
        pickle.loads(cloudpickle.dumps(NoWayBack()))
    assert isinstance(pickle.loads(cloudpickle.dumps(Remote())), Remote)
