"""The familiar small helpers of python-adaptive and of emdcmp, at their familiar place."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from adaptive_calib.calibration import get_bin_sizes
from adaptive_calib.emd import compare_matrix
from adaptive_calib.engine.executors import SequentialExecutor
from adaptive_calib.learner.balancing_learner import named_product
from adaptive_calib.learner.base_learner import BaseLearner, cache_latest
from adaptive_calib.learner_io import snapshot as snapshots
from adaptive_calib.learner_io.default_arguments import assign_defaults, partial_function_from_dataframe
from adaptive_calib.runner.dask import daskify

__all__ = [
    "SequentialExecutor",
    "assign_defaults",
    "cache_latest",
    "compare_matrix",
    "copy_docstring_from",
    "daskify",
    "get_bin_sizes",
    "load",
    "named_product",
    "partial_function_from_dataframe",
    "restore",
    "save",
]

_F = TypeVar("_F", bound=Callable[..., Any])


@contextmanager
def restore(*learners: BaseLearner) -> Iterator[None]:
    """Restore learners, at the end of a ``with`` block, to their state at its beginning.

    Parameters
    ----------
    *learners : BaseLearner
        Their whole state is kept: data, pending points, parameters, function.

    Examples
    --------
    >>> from adaptive_calib import AverageLearner
    >>> learner = AverageLearner(abs, atol=0.1)
    >>> with restore(learner):
    ...     learner.tell(0, 1.0)
    >>> learner.npoints
    0
    """
    states = [learner.__getstate__() for learner in learners]
    try:
        yield
    finally:
        for learner, state in zip(learners, states, strict=True):
            learner.__setstate__(state)


def save(fname: str | os.PathLike[str], data: Any, compress: bool = True) -> bool:
    """Write `data` as a pickle, in one step; see `adaptive_calib.learner_io.snapshot.write`.

    Parameters
    ----------
    fname : path
        The file; its folder is made if needed.
    data
        Anything that cloudpickle takes.
    compress : bool
        Whether to compress it by gzip.

    Returns
    -------
    bool
        False if the file could not be written (full disk, no permission); the old file is then as it was.

    Examples
    --------
    >>> from adaptive_calib.utils import load, save
    >>> save("save-example.pickle", {0.5: 0.25})
    True
    >>> load("save-example.pickle")
    {0.5: 0.25}
    """
    try:
        snapshots.write(fname, data, compress)
    except OSError:
        return False
    return True


def load(fname: str | os.PathLike[str], compress: bool = True) -> Any:
    """Return what `save` wrote; see `adaptive_calib.learner_io.snapshot.read`.

    Parameters
    ----------
    fname : path
        The file.
    compress : bool
        As it was given to `save`.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    adaptive_calib.learner_io.snapshot.DamagedSnapshotError
        If the file cannot be read.

    Examples
    --------
    >>> from adaptive_calib.utils import load, save
    >>> save("load-example.pickle", [1, 2])
    True
    >>> load("load-example.pickle")
    [1, 2]
    """
    return snapshots.read(fname, compress)


def copy_docstring_from(other: Callable[..., Any]) -> Callable[[_F], _F]:
    """Return a decorator that gives a function the docstring of `other`.

    Examples
    --------
    >>> from adaptive_calib.utils import copy_docstring_from
    >>> def f():
    ...     "What it does."
    >>> @copy_docstring_from(f)
    ... def g():
    ...     pass
    >>> g.__doc__
    'What it does.'
    """

    def decorate(function: _F) -> _F:
        function.__doc__ = other.__doc__
        return function

    return decorate
