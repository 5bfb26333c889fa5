"""The function of a `BalancingLearner`: that of the child of a point."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from inspect import isawaitable
from typing import Any

from adaptive_calib.learner.base_learner import BaseLearner

__all__ = ["ChildFunctions", "call", "call_async"]


class ChildFunctions:
    """The functions of the children, looked up at each call; a pickle holds the functions only."""

    def __init__(self, learners: Sequence[BaseLearner]) -> None:
        self.learners = learners

    def __getitem__(self, index: int) -> Callable[..., Any]:
        return self.learners[index].function

    def __reduce__(self) -> tuple[Any, ...]:
        return _fixed_functions, ([learner.function for learner in self.learners],)


def _fixed_functions(functions: list[Callable[..., Any]]) -> list[Callable[..., Any]]:
    return functions


def call(functions: Any, point: tuple[int, Any]) -> Any:
    """Call the function of child ``point[0]`` with its point ``point[1]``."""
    return functions[point[0]](point[1])


async def call_async(functions: Any, point: tuple[int, Any]) -> Any:
    """Like `call`, where at least one child's function is a coroutine function."""
    value = functions[point[0]](point[1])
    return await value if isawaitable(value) else value
