"""What evaluations write: kept with failures by default, whole on request, never mixed; log records come home."""

from __future__ import annotations

import logging
import sys
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context

import pytest

from adaptive_calib.engine.capture import TAIL, emit_again, overheard
from adaptive_calib.engine.evaluate import Work
from adaptive_calib.engine.executors import Pool, SequentialExecutor
from adaptive_calib.runner import BlockingRunner
from adaptive_calib.testing.executors import ExecutorContract
from tests.engine.doubles import Tolerant


def talkative(x):
    """Print, log, and fail at 3."""
    print("out", x)
    print("err", x, file=sys.stderr)
    logging.getLogger("tests.talkative").warning("logged %d", x)
    if x == 3:
        raise ZeroDivisionError
    return x


def spawned():
    """Return a pool whose workers have no handler of this process, as loky's have none."""
    return ProcessPoolExecutor(2, mp_context=get_context("spawn"))


@pytest.mark.parametrize("points_per_task", [1, 4])
def test_failures_keep_what_they_have_written(points_per_task, caplog):
    """By default; with their traceback for people. Log records of all points come home, with point and process."""
    runner = BlockingRunner(
        Tolerant(6, talkative), npoints_goal=6, executor=spawned, on_error="continue", points_per_task=points_per_task
    )
    ((point, text),) = runner.tracebacks
    assert point == 3
    assert "Its stdout ended with:\nout 3\n" in text
    assert "Its stderr ended with:\nerr 3\n" in text
    assert "Its log ended with:\nWARNING:tests.talkative:logged 3\n" in text
    records = [record for record in caplog.records if record.name == "tests.talkative"]
    assert sorted((record.point, record.getMessage()) for record in records) == [(x, f"logged {x}") for x in range(6)]
    assert all(record.process and record.levelno == logging.WARNING for record in records)


def test_a_function_of_many_points_logs_once(caplog):
    """Not once for each of them."""

    def sums(xs):
        logging.getLogger("tests.talkative").warning("many")
        return list(xs)

    BlockingRunner(Tolerant(4, sums), npoints_goal=4, executor=spawned, batch=True, points_per_task=4)
    assert caplog.messages.count("many") == 1


def test_only_failures_are_kept_by_default():
    """The reports of the others are as small as ever."""
    executor = Pool(spawned)
    try:
        work = executor.ship(Work(talkative, capture="failures"))
        reports = ExecutorContract.reports(executor, work, [2, 3, 4])
    finally:
        executor.close()
    assert [report.stdout for report in reports] == ["", "out 3\n", ""]
    assert [report.logs for report in reports] == ["", "WARNING:tests.talkative:logged 3\n", ""]
    assert [len(report.records) for report in reports] == [1, 1, 1]


@pytest.mark.parametrize("executor", [SequentialExecutor, lambda: ThreadPoolExecutor(1)])
def test_in_this_process_everything_is_seen_as_ever(executor, capsys):
    """Nothing is taken away from who prints while looking for a mistake."""
    BlockingRunner(Tolerant(3, talkative), npoints_goal=3, executor=executor())
    out, err = capsys.readouterr()
    assert out == "out 0\nout 1\nout 2\n"
    assert err.startswith("err 0\n")


def test_what_passes_is_seen_and_its_end_is_kept(capsys):
    """However much it is; who writes outside of an evaluation is not heard."""
    print("before")
    with overheard() as sink:
        for _ in range(50):
            print("x" * 9999)
        print("end")
    print("after")
    assert TAIL < len(sink.texts[0]) <= 2 * TAIL + 10_000
    assert sink.texts[0].endswith("x\nend\n")
    out = capsys.readouterr().out
    assert len(out) == 50 * 10_000 + len("before\nend\nafter\n")


def test_a_record_that_was_shown_is_not_emitted_again():
    """A handler of the worker's own has shown it."""
    logger, handler = logging.getLogger("tests.shown"), logging.StreamHandler()
    with overheard() as sink:
        logger.addHandler(handler)
        logger.warning("seen")
        logger.removeHandler(handler)
    assert sink.records == []
    assert sink.texts[2] == "WARNING:tests.shown:seen\n"


def test_levels_of_this_process_count(caplog):
    """A logger that is silenced here stays silent."""
    logging.getLogger("tests.silenced").setLevel(logging.ERROR)
    emit_again([("tests.silenced", logging.WARNING, 0.0, "no"), ("tests.silenced", logging.ERROR, 0.0, "yes")], 1, 2)
    assert caplog.messages == ["yes"]
