"""The points of a learner and the points of the evaluations behind it.

A learner's point may carry more than the function is called with: the number of a child (BalancingLearner), the index
of an element (SequenceLearner). What is stored is the function's own point, so that a sequence may grow, and a child
find what another run computed. Restoring goes the other way: to every place where this learner would ask for it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np

from adaptive_calib.store.evaluation import Evaluation

__all__ = ["PointMap", "point_map"]


class PointMap(Protocol):
    """How points of one learner and of its evaluations belong together."""

    @property
    def evaluations(self) -> Sequence[Evaluation]:
        """One for each space, in the order of their numbers."""
        ...

    def locate(self, point: Any) -> tuple[int, Any]:
        """Return the number of the evaluation and its point, for a learner's point."""
        ...

    def restore(self, number: int, point: Any) -> list[Any]:
        """Return the learner's points for a point of evaluation `number`; empty if it is outside of the domain."""
        ...


def point_map(learner: Any) -> PointMap:
    """Return how points of a learner are stored."""
    # By name, as learners of python-adaptive have the same conventions but other classes.
    names = {kind.__name__ for kind in type(learner).__mro__}
    if "BalancingLearner" in names:
        return _Children([point_map(child) for child in learner.learners])
    if "DataSaver" in names:
        return point_map(learner.learner)
    if "SequenceLearner" in names:
        return _Elements(Evaluation.of(_of_elements(learner)), learner.sequence)
    return _Plain(Evaluation.of(learner.function), learner)


def _of_elements(learner: Any) -> Callable[..., Any]:
    """Return a sequence learner's function of an element; `learner.function` takes a point (index, element)."""
    own: Callable[..., Any] | None = getattr(learner, "original_function", None)
    return learner.function.function if own is None else own  # the latter in python-adaptive


class _Plain:
    """A learner whose points are those of its function."""

    def __init__(self, evaluation: Evaluation, learner: Any) -> None:
        self.evaluations = (evaluation,)
        self._bounds = getattr(learner, "bounds", None)

    def locate(self, point: Any) -> tuple[int, Any]:
        return 0, point

    def restore(self, number: int, point: Any) -> list[Any]:
        return [point] if inside(self._bounds, point) else []


class _Elements:
    """A sequence: the element is stored, not its index."""

    def __init__(self, evaluation: Evaluation, sequence: Sequence[Any]) -> None:
        self.evaluations = (evaluation,)
        self._sequence = sequence
        self._places: dict[str, list[int]] | None = None

    def locate(self, point: Any) -> tuple[int, Any]:
        return 0, point[1]

    def restore(self, number: int, point: Any) -> list[Any]:
        uid = self.evaluations[0].point_uid
        if self._places is None:
            self._places = {}
            for index, element in enumerate(self._sequence):
                self._places.setdefault(uid(element), []).append(index)
        return [(index, self._sequence[index]) for index in self._places.get(uid(point), ())]


class _Children:
    """A balancing learner: points (number of the child, point of the child)."""

    def __init__(self, children: Sequence[PointMap]) -> None:
        self._children = children
        self._first: list[int] = []
        self._owner: list[int] = []
        self.evaluations: list[Evaluation] = []
        for number, child in enumerate(children):
            self._first.append(len(self.evaluations))
            self._owner += [number] * len(child.evaluations)
            self.evaluations += child.evaluations

    def locate(self, point: Any) -> tuple[int, Any]:
        child, inner = point
        number, own = self._children[child].locate(inner)
        return self._first[child] + number, own

    def restore(self, number: int, point: Any) -> list[Any]:
        child = self._owner[number]
        return [(child, p) for p in self._children[child].restore(number - self._first[child], point)]


def inside(bounds: Any, point: Any) -> bool:
    """Whether a point lies within a learner's bounds: a pair of numbers, or one pair for each coordinate.

    Bounds of any other form (a convex hull, or none) are not looked at: True.
    """
    try:
        box = np.asarray(bounds, dtype=float)
    except (TypeError, ValueError):
        return True
    if box.ndim not in (1, 2) or box.shape[-1] != 2:
        return True
    box = np.atleast_2d(box)
    try:
        x = np.atleast_1d(np.asarray(point, dtype=float))
    except (TypeError, ValueError):
        return True
    if x.shape != (len(box),):
        return True  # another kind of point, like (seed, x)
    return bool(((box[:, 0] <= x) & (x <= box[:, 1])).all())
