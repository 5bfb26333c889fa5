"""The points of a learner and the points of the evaluations behind it.

A learner's point may carry more than the function is called with: the number of a child (BalancingLearner), the index
of an element (SequenceLearner). The function's own point is stored, so that a sequence may grow, and a child can use
results of another run. Restoring goes the other way: to every place where this learner would ask for the point.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np

from adaptive_calib.store.codec import PointKey
from adaptive_calib.store.identity.evaluation import Evaluation

__all__ = ["PointMap", "point_map"]


class PointMap(Protocol):
    """The mapping between points of a learner and points of its evaluations."""

    @property
    def evaluations(self) -> Sequence[Evaluation]:
        """One for each space, in the order of their numbers."""
        ...

    def locate(self, point: Any) -> tuple[int, Any]:
        """Return the number of the evaluation and its point, for a learner's point."""
        ...

    def restore(self, number: int, point: Any, uid: str) -> Sequence[Any]:
        """Return the learner's points for a point of evaluation `number` with this uid; none outside the domain."""
        ...


def point_map(learner: Any) -> PointMap:
    """Return the mapping of the points of a learner."""
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
        self._box = box_of(getattr(learner, "bounds", None))

    def locate(self, point: Any) -> tuple[int, Any]:
        return 0, point

    def restore(self, number: int, point: Any, uid: str) -> Sequence[Any]:
        if type(point) is PointKey:  # the learner has to ask for it, then it is found
            return ()
        return (point,) if self._box is None or inside(self._box, point) else ()


class _Elements:
    """A sequence: the element is stored, not its index."""

    def __init__(self, evaluation: Evaluation, sequence: Sequence[Any]) -> None:
        self.evaluations = (evaluation,)
        self._sequence = sequence
        self._places: dict[str, list[tuple[int, Any]]] | None = None

    def locate(self, point: Any) -> tuple[int, Any]:
        return 0, point[1]

    def restore(self, number: int, point: Any, uid: str) -> Sequence[Any]:
        if self._places is None:
            self._places = {}
            uid_of = self.evaluations[0].point_uid
            for index, element in enumerate(self._sequence):
                self._places.setdefault(uid_of(element), []).append((index, element))
        return self._places.get(uid, ())


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

    def restore(self, number: int, point: Any, uid: str) -> Sequence[Any]:
        child = self._owner[number]
        return [(child, p) for p in self._children[child].restore(number - self._first[child], point, uid)]


Box = tuple[tuple[float, float], ...]


def box_of(bounds: Any) -> Box | None:
    """Return a learner's bounds, a pair of numbers or one pair for each coordinate, as pairs.

    None for bounds of any other form (a convex hull, or none), which are not looked at.
    """
    try:
        box = np.asarray(bounds, dtype=float)
    except (TypeError, ValueError):
        return None
    if box.ndim not in (1, 2) or box.shape[-1] != 2:
        return None
    return tuple((float(a), float(b)) for a, b in np.atleast_2d(box))


def inside(box: Box, point: Any) -> bool:
    """Whether a point lies within a box; points of another kind, like (seed, x), are not looked at: True."""
    if isinstance(point, (float, int)):
        return len(box) != 1 or box[0][0] <= point <= box[0][1]
    if not isinstance(point, tuple) or len(point) != len(box):
        return True
    return all(a <= x <= b for (a, b), x in zip(box, point, strict=True) if isinstance(x, (float, int)))
