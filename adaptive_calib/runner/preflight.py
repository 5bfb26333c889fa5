"""Checks before a run: problems that can be found in the first second show as a plain traceback."""

from __future__ import annotations

import pickle
import platform
import threading
import time
from importlib import metadata
from typing import Any, Literal

from adaptive_calib.engine.evaluate import Report, Work
from adaptive_calib.engine.executor_protocol import Evaluate, Executor
from adaptive_calib.engine.executors import adapt
from adaptive_calib.engine.observers import logger
from adaptive_calib.engine.ship import check_travel
from adaptive_calib.engine.workers_missing import WorkersMissing
from adaptive_calib.learner.coroutines import has_coroutines

__all__ = ["Mode", "check_function", "preflight"]

Mode = Literal["cached", "retry", "force", "read-only"]


def preflight(
    learner: Any,
    *,
    executor: Any = None,
    store: Any = None,
    mode: Mode = "cached",
    batch: bool = False,
    timeout: float | None = None,
    try_first: bool | Literal["pickle"] = "pickle",
) -> None:
    """Check what a run needs; nothing is told, and the store only records a run without evaluations.

    With worker processes: there is a worker, it can import this package and load the function, and it has the same
    versions of Python and of the libraries (a warning names those that differ).

    The arguments are those of the run, see `BaseRunner`. Each runner does the checks that cost nothing: it opens the
    store and, unless ``try_first=False``, pickles the function.

    Parameters
    ----------
    learner
        Is asked for one point, which stays to be asked for.
    executor
        Is made and closed, if it is a function that makes one; a dask client has to be a synchronous one.
    store, mode
        Is opened: the configuration and the first point must have a canonical form, the file must be writable.
    batch, timeout
        How the function is called where it is evaluated: with a list of points, and for at most this many seconds each.
    try_first : bool or "pickle"
        "pickle": send the function through a pickle and load it in a worker, so that modules that are missing there
        show. True: also evaluate the first point there, so that mistakes in the function show. False: neither.

    Raises
    ------
    TypeError
        The function cannot be called, pickled, or read again; or the executor is none.
    RuntimeError
        The executor has no workers.
    Exception
        What the store says; what the function raised at the first point.

    Examples
    --------
    >>> from adaptive_calib import Learner1D
    >>> from adaptive_calib.runner import SequentialExecutor, preflight
    >>> preflight(Learner1D(abs, (-1, 1)), executor=SequentialExecutor(), try_first=True)
    """
    work = Work(learner.function, batch=batch, timeout=timeout)
    points = list(learner.ask(1, tell_pending=False)[0])
    if store is not None:
        _check_store(store, learner, mode, points)
    if has_coroutines(learner):
        return  # it is evaluated here, on the loop of the run
    adapter = adapt(executor)
    try:
        if try_first:
            check_function(work, adapter)
        if adapter.capacity < 1:
            raise RuntimeError("Executor has no workers; wait for them, or give it some.")
        if try_first and adapter.pickles:
            _check_versions(adapter, versions())
            _submit(adapter, adapter.ship(work), [])  # without a point: only loads the function
        if try_first is True and points:
            _evaluate(adapter, work, points)
    finally:
        adapter.close()


def check_function(work: Work, executor: Executor) -> None:
    """Refuse a function that cannot be called, or not be sent to where the executor evaluates."""
    if not callable(work.function):
        raise TypeError(f"the learner's function should be callable, but is {work.function!r}.")
    if executor.pickles:
        check_travel(work)


def _check_store(store: Any, learner: Any, mode: Mode, points: list[Any]) -> None:
    from adaptive_calib.store import open_archive  # here: a run without a store needs no database

    archive = open_archive(store, learner, mode=mode, manifest={"preflight": True})
    try:
        if mode != "read-only":  # there a point that is not known is an error, and this one may be known too late
            for point in points:
                archive.find(point)
    finally:
        archive.close("finished", "preflight: nothing was evaluated")


def versions(point: Any = None) -> dict[str, str]:
    """Return the versions that should be the same here and in the workers."""
    names = ("adaptive_calib", "numpy", "scipy", "cloudpickle")
    return {"python": platform.python_version(), **{name: _version(name) for name in names}}


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "missing"


def _check_versions(executor: Executor, here: dict[str, str]) -> None:
    """Raise if a worker cannot import this package; warn if it has other versions."""
    (report,) = _submit(executor, executor.ship(Work(versions)), [None])
    if report.error is not None:
        raise report.error
    there = pickle.loads(report.value) if report.pickled else report.value
    other = [f"{name} {there[name]} (here {here[name]})" for name in here if there[name] != here[name]]
    if other:
        logger.warning(
            "the worker %s has other versions: %s. Results may differ, or functions may not load there.",
            report.host,
            ", ".join(other),
        )


def _submit(executor: Executor, evaluate: Evaluate, points: list[Any]) -> list[Report]:
    """Submit points and wait, with a warning now and then while there is no worker."""
    over = threading.Event()
    handle = executor.submit(evaluate, points)
    handle.add_done_callback(lambda handle: over.set())
    missing, begin = WorkersMissing(executor), time.monotonic()
    while not over.wait(0.5):
        missing.look(executor.capacity, time.monotonic() - begin)
    return handle.result()


def _evaluate(executor: Executor, work: Work, points: list[Any]) -> None:
    """Evaluate the first point in a worker; raise what the function raised."""
    (report,) = _submit(executor, executor.ship(work), points)
    if report.error is not None:
        report.error.add_note(f"at the point {points[0]!r}, in a worker:\n{report.traceback}")
        raise report.error
