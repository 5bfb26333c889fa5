"""One thread for small matrices.

BLAS divides even matrices of a hundred rows among threads. Where other processes keep the cores busy, as the workers of
a run do, its threads wait for each other, and a decomposition that takes 10 ms takes seconds.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, wraps
from importlib import import_module
from typing import Any, ParamSpec, TypeVar

__all__ = ["one_thread"]

P = ParamSpec("P")
R = TypeVar("R")


@lru_cache(maxsize=1)
def _controller() -> Any:
    try:
        return import_module("threadpoolctl").ThreadpoolController()
    except ImportError:
        return None


def one_thread(function: Callable[P, R]) -> Callable[P, R]:
    """Return a function that calls `function` with one thread in BLAS.

    Without threadpoolctl, which comes with scikit-learn, it has as many as ever.
    """

    @wraps(function)
    def limited(*args: P.args, **kwargs: P.kwargs) -> R:
        controller = _controller()
        if controller is None:
            return function(*args, **kwargs)
        with controller.limit(limits=1):
            return function(*args, **kwargs)

    return limited
