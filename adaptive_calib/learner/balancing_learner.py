"""A learner of learners: for each point it chooses the learner to ask.

Each strategy gives every child a rank; the next point comes from the child of the smallest rank. The ranks are in a
heap (`Ranking`), and only a child that was asked or told gets a new one, so that the cost of a point does not grow with
the number of children. The next point of a child is looked up with ``ask(1, tell_pending=False)``.

==================  =========================================================================
strategy            the smallest rank has the child with
==================  =========================================================================
loss_improvements   the largest improvement of its next point; then fewest points; then index
loss                the largest expected loss; then fewest points; then index
npoints             fewest points, observed and pending; then index
cycle               the next index after the last child that was asked
==================  =========================================================================

A child has *ended* if it can get no further: it is done, it has no point to ask for and none is pending, or all of its
many evaluations failed. Children that ended are passed over by every strategy, and neither losses nor goals wait for
them any more, until they are told a value; if all have ended, all count.

If every child has an error goal, those whose goal is reached are passed over while another's is not. A run ends when
each child has reached its goal or has ended; if one ended without it, as "goal not reached", with its reason.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import deepcopy
from functools import partial
from itertools import product
from math import inf
from typing import Any, Literal, Self, TypeAlias, cast, get_args

import cloudpickle

from adaptive_calib._words import children, count
from adaptive_calib.learner import _familiar_methods
from adaptive_calib.learner._balancing.functions import ChildFunctions, call, call_async
from adaptive_calib.learner._balancing.ranking import Rank, Ranking
from adaptive_calib.learner.base_learner import BaseLearner, check_number_of_points
from adaptive_calib.learner.claims import Claim
from adaptive_calib.learner.coroutines import is_coroutine_function
from adaptive_calib.learner.protocol import EstimatesError, Explains, Finite, has_method

__all__ = ["STRATEGY_TYPE", "BalancingLearner", "named_product"]

STRATEGY_TYPE: TypeAlias = Literal["loss_improvements", "loss", "npoints", "cycle"]
#: A child with this many failed points for each observed one, and one more, is taken to fail always.
MOST_FAILURES = 20
#: Under a strategy of losses a child is next when the one with the most points has over this many times its points.
#: A child that looks flat promises no improvement, and would never be looked at again. 20: 5 % of the points at most.
MOST_AHEAD = 20

CDIMS_TYPE: TypeAlias = Sequence[Mapping[str, Any]] | tuple[Sequence[str], Iterable[Sequence[Any]]] | None


def named_product(**items: Iterable[Any]) -> list[dict[str, Any]]:
    """Return all combinations of the values of each name, the last name varying fastest.

    Examples
    --------
    >>> named_product(a=[1, 2], b="xy")
    [{'a': 1, 'b': 'x'}, {'a': 1, 'b': 'y'}, {'a': 2, 'b': 'x'}, {'a': 2, 'b': 'y'}]
    """
    return [dict(zip(items, values, strict=True)) for values in product(*items.values())]


class BalancingLearner(BaseLearner):
    """Asks, for each point, the learner with the largest loss, the largest improvement or the fewest points.

    Parameters
    ----------
    learners : sequence of BaseLearner
        The children; at least one. Points are (index of the child, point of the child).
    cdims : sequence of dict, or (names, iterable of tuples), optional
        Labels of the children, for `plot`: one dict for each. Default ``[{"i": 0}, {"i": 1}, ...]``.
    strategy : {"loss_improvements", "loss", "npoints", "cycle"}
        Which child is next; may be set during a run.
    weights : sequence of float, optional
        One for each child, positive; losses and improvements are multiplied by it. Default: all 1.
    max_pending : mapping int -> int, optional
        Index of a child -> largest number of its pending points, for functions that need much memory or share a
        licence. It sets the attribute `max_pending` of the child.

    Attributes
    ----------
    learners : list of BaseLearner
        The children. After a change of a child from outside call `forget_caches`.
    data : dict
        (index, point) -> value; a new dict at each access, as is `pending_points`.

    Notes
    -----
    The losses of the children should be comparable. If they are not, because the children are of different classes or
    in different units, give `weights`, or use ``"npoints"`` or ``"cycle"``.

    Examples
    --------
    >>> from adaptive_calib import BalancingLearner, Learner1D
    >>> from adaptive_calib.runner import simple
    >>> easy, hard = Learner1D(lambda x: x, (-1, 1)), Learner1D(lambda x: 1e-4 / (1e-4 + x * x), (-1, 1))
    >>> learner = BalancingLearner([easy, hard], strategy="loss")
    >>> simple(learner, goal=lambda learner: learner.loss() < 0.1)
    >>> easy.npoints < hard.npoints
    True
    """

    def __init__(
        self,
        learners: Sequence[BaseLearner],
        *,
        cdims: CDIMS_TYPE = None,
        strategy: STRATEGY_TYPE = "loss_improvements",
        weights: Sequence[float] | None = None,
        max_pending: Mapping[int, int] | None = None,
    ) -> None:
        self.learners = list(learners)
        if not self.learners:
            raise ValueError("at least one learner is expected in `learners`, but there is none.")
        for i, learner in enumerate(self.learners):
            if not isinstance(learner, BaseLearner):
                raise TypeError(f"`learners` should hold learners, but number {i} is a {type(learner).__name__}.")
        for i, limit in (max_pending or {}).items():
            if not 0 <= i < len(self.learners) or limit < 1:
                raise ValueError(
                    f"`max_pending` should map indices of the {len(self.learners)} children to numbers of at least 1, "
                    f"but has {i!r}: {limit!r}."
                )
            self.learners[i].max_pending = limit
        self._weights = _checked_weights(weights, len(self.learners))
        self._cdims_default = _listed_cdims(cdims, len(self.learners))
        self._cycle = 0
        self._prepare()
        self.strategy = strategy

    def _prepare(self) -> None:
        """Compute the attributes that depend on the children."""
        any_async = any(is_coroutine_function(learner.function) for learner in self.learners)
        self.function = partial(call_async if any_async else call, ChildFunctions(self.learners))
        self._finite = [has_method(learner, "done") for learner in self.learners]
        # the first child without an estimate of its error
        self._without_error = next(
            (i for i, one in enumerate(self.learners) if not hasattr(one, "largest_error")), None
        )
        self._idle: set[int] = set()

    @classmethod
    def from_product(
        cls,
        f: Callable[..., Any],
        learner_type: Callable[..., BaseLearner],
        learner_kwargs: Mapping[str, Any],
        combos: Mapping[str, Iterable[Any]],
    ) -> Self:
        """Return a learner of one child for each combination of values.

        Parameters
        ----------
        f : callable
            Takes a point and the names of `combos` as keyword arguments.
        learner_type : class, or what `make_datasaver` returns
            Called with ``function=partial(f, **combination)`` and `learner_kwargs`.
        learner_kwargs : mapping
            The other arguments of `learner_type`.
        combos : mapping
            Name -> its values; the last name varies fastest.
        """
        names = {name: list(values) for name, values in combos.items()}
        cdims = named_product(**names)
        return cls([learner_type(function=partial(f, **combo), **learner_kwargs) for combo in cdims], cdims=cdims)

    def new(self) -> Self:
        """Return a learner of new children, with the same cdims, strategy and weights."""
        return type(self)(
            [learner.new() for learner in self.learners],
            cdims=self._cdims_default,
            strategy=self._strategy,
            weights=self._weights,
            max_pending={i: limit for i, one in enumerate(self.learners) if (limit := one.max_pending) is not None},
        )

    # --------------------------------------------------------------------------------------------------- strategies

    @property
    def strategy(self) -> STRATEGY_TYPE:
        """Which child is next: "loss_improvements", "loss", "npoints" or "cycle"; setting it starts a new round."""
        return self._strategy

    @strategy.setter
    def strategy(self, strategy: STRATEGY_TYPE) -> None:
        if strategy not in get_args(STRATEGY_TYPE):
            raise ValueError(f"`strategy` should be one of {', '.join(get_args(STRATEGY_TYPE))}, but is {strategy!r}.")
        self._strategy = strategy
        self._cycle = 0
        self.forget_caches()

    @property
    def turn(self) -> int:
        """The child that is next with the strategy "cycle"."""
        return self._cycle

    def forget_caches(self) -> None:
        """Compute all ranks and losses again; to be called after a change of children from outside."""
        ranks: dict[str, Callable[[int], Rank | None]] = {
            "loss_improvements": self._rank_by_improvement,
            "loss": self._rank_by_loss,
            "npoints": self._rank_by_points,
            "cycle": self._rank_by_turn,
        }
        count = len(self.learners)
        self._idle.clear()
        self._claims: dict[int, Claim | None] = {}  # as far as they are known
        self._for_error = all(getattr(learner, "error_goal", None) is not None for learner in self.learners)
        chosen, fewest = ranks[self._strategy], ranks["npoints"]
        if self._for_error:
            chosen, fewest = self._last_at_goal(chosen), self._last_at_goal(fewest)
        self._order, self._fewest = Ranking(chosen, count), Ranking(fewest, count)
        self._short = Ranking(lambda i: None if self._has_reached(i) else (i,), count)
        self._most = Ranking(lambda i: (-self._points_of(i), i), count)
        self._real_losses = Ranking(lambda i: self._unless_ended(i, -self._child_loss(i, True)), count)
        self._expected_losses = Ranking(lambda i: self._unless_ended(i, -self._child_loss(i, False)), count)
        self._errors = Ranking(lambda i: self._unless_ended(i, -self._child_error(i)), count)

    def _unless_ended(self, index: int, number: float) -> Rank | None:
        return None if self._has_ended(index) else (number, index)

    def _touch(self, index: int) -> None:
        """Mark ranks and losses of child `index` as outdated."""
        self._idle.discard(index)
        if self._for_error:
            self._claims.pop(index, None)
            self._short.touch(index)
        self._most.touch(index)
        self._rank_again(index)

    def _rank_again(self, index: int) -> None:
        for ranking in (self._order, self._fewest, self._real_losses, self._expected_losses, self._errors):
            ranking.touch(index)

    def _has_reached(self, index: int) -> bool:
        """Whether a child has reached the error goal that it was given; False if some child has none."""
        if not self._for_error or (claim := self._claim_of(index)) is None:
            return False
        return claim.is_checked and bool(claim.error <= cast(Any, self.learners[index]).error_goal)

    def _claim_of(self, index: int) -> Claim | None:
        if not self._for_error:
            return self.learners[index].claim()
        if index not in self._claims:
            self._claims[index] = self.learners[index].claim()
        return self._claims[index]

    def _last_at_goal(self, rank_of: Callable[[int], Rank | None]) -> Callable[[int], Rank | None]:
        """Return ranks with children whose goal is reached behind all others; they begin with whether it is."""

        def rank(index: int) -> Rank | None:
            own = rank_of(index)
            return None if own is None else (self._has_reached(index), *own)

        return rank

    def has_ended(self, index: int) -> bool:
        """Whether a child can get no further: it is done, has nothing to ask for, or all of its evaluations failed."""
        if self._has_ended(index):
            return True
        child = self.learners[index]
        if len(child.pending_points) or len(child.ask(1, tell_pending=False)[0]):
            return False
        self._mark_idle(index)
        return True

    def _has_ended(self, index: int) -> bool:
        """The same, without asking the child for a point."""
        child = self.learners[index]
        if self._finite[index] and cast(Finite, child).done():
            return True
        return _always_fails(child) or (index in self._idle and not len(child.pending_points))

    def _mark_idle(self, index: int) -> None:
        """Note that a child has no point to ask for at present."""
        if index not in self._idle:
            self._idle.add(index)
            self._rank_again(index)

    def _has_more(self, index: int) -> bool:
        learner = self.learners[index]
        if learner.max_pending is not None and len(learner.pending_points) >= learner.max_pending:
            return False
        return index not in self._idle and not self._has_ended(index)

    def _points_of(self, index: int) -> int:
        """Return how many points of the child are observed, failed or pending."""
        learner = self.learners[index]
        return learner.npoints + len(learner.failed_points) + len(learner.pending_points)

    def _child_loss(self, index: int, real: bool) -> float:
        loss = self._weights[index] * self.learners[index].loss(real)
        return loss if loss == loss else -inf  # NaN, which would be nowhere in an order, is last

    def _child_error(self, index: int) -> float:
        error: float = cast(EstimatesError, self.learners[index]).largest_error()
        return error if error == error else inf  # NaN: nothing is known yet

    def _rank_by_improvement(self, index: int) -> Rank | None:
        if not self._has_more(index):
            return None
        points, improvements = self.learners[index].ask(1, tell_pending=False)
        if not len(points):
            self._mark_idle(index)
            return None
        improvement = self._weights[index] * improvements[0]
        return (-improvement if improvement == improvement else inf, self._points_of(index), index)

    def _rank_by_loss(self, index: int) -> Rank | None:
        return (-self._child_loss(index, False), self._points_of(index), index) if self._has_more(index) else None

    def _rank_by_points(self, index: int) -> Rank | None:
        return (self._points_of(index), index) if self._has_more(index) else None

    def _rank_by_turn(self, index: int) -> Rank | None:
        return (index,) if self._has_more(index) else None

    def _next_child(self) -> int | None:
        """Return the child that is next, None if no child has a point to ask for."""
        some_short = self._for_error and self._short.first() is not None
        if self._strategy == "cycle":
            count = len(self.learners)
            turns = (index % count for index in range(self._cycle, self._cycle + count))
            return next((i for i in turns if self._has_more(i) and not (some_short and self._has_reached(i))), None)
        first, fewest, most = self._order.first(), self._fewest.first(), self._most.first()
        if first is None or fewest is None or most is None or (some_short and first[0]):
            return None
        return int((fewest if MOST_AHEAD * fewest[-2] < -most[0] else first)[-1])

    # -------------------------------------------------------------------------------------------------- ask and tell

    def ask(self, n: int, tell_pending: bool = True) -> tuple[list[tuple[int, Any]], list[float]]:
        """Choose the next `n` points, for each the child anew; fewer or none if no child has more to ask for."""
        n = check_number_of_points(n)
        if n > 1 and not tell_pending:
            return self._copy_on_ask().ask(n)
        points: list[tuple[int, Any]] = []
        improvements: list[float] = []
        while len(points) < n and (index := self._next_child()) is not None:
            asked, expected = self._ask_child(index, tell_pending)
            if len(asked):
                points.append((index, asked[0]))
                improvements.append(self._weights[index] * expected[0])
                if tell_pending:
                    self._cycle = (index + 1) % len(self.learners)
                    self._touch(index)
            else:
                self._mark_idle(index)
        return points, improvements

    def _ask_child(self, index: int, tell_pending: bool) -> tuple[Sequence[Any], Sequence[float]]:
        return self.learners[index].ask(1, tell_pending)

    def _copy_on_ask(self) -> _CopyOnAsk:
        return _CopyOnAsk(self)

    def _index(self, point: Any) -> int:
        """Return the index of the child of a point, or raise an error that says what is wrong with it."""
        try:
            index = int(point[0].__index__())
            len(point)
        except (TypeError, AttributeError, IndexError, KeyError):
            raise TypeError(
                f"a point of a BalancingLearner is (index of the child, its point), but {point!r} was given."
            ) from None
        if not 0 <= index < len(self.learners):
            raise IndexError(
                f"the index of a child should be from 0 to {len(self.learners) - 1}, but is {index} in {point!r}."
            )
        return index

    def data_key(self, x: tuple[int, Any]) -> tuple[int, Any]:
        """Return (index of the child, the child's key of its point)."""
        index = self._index(x)
        return index, self.learners[index].data_key(x[1])

    def tell(self, x: tuple[int, Any], y: Any) -> None:
        """Tell child ``x[0]`` the value at its point ``x[1]``."""
        index = self._index(x)
        self._touch(index)  # first: a child may record the value and raise (a divergent integral)
        self.learners[index].tell(x[1], y)

    def tell_many(self, xs: Iterable[tuple[int, Any]], ys: Iterable[Any]) -> None:
        """Tell each child all of its points; `ys` may be lazy."""
        xs, ys = list(xs), list(ys)
        if len(xs) != len(ys):
            raise ValueError(
                f"as many values as points are expected, but there are {len(xs)} points, {len(ys)} values."
            )
        parts: dict[int, tuple[list[Any], list[Any]]] = {}
        for x, y in zip(xs, ys, strict=True):
            points, values = parts.setdefault(self._index(x), ([], []))
            points.append(x[1])
            values.append(y)
        for index, (points, values) in parts.items():
            self._touch(index)
            self.learners[index].tell_many(points, values)

    def tell_pending(self, x: tuple[int, Any]) -> None:
        """Mark the point as pending in its child."""
        index = self._index(x)
        self.learners[index].tell_pending(x[1])
        self._touch(index)

    def tell_failed(self, x: tuple[int, Any]) -> None:
        """Mark the point as failed in its child."""
        index = self._index(x)
        self.learners[index].tell_failed(x[1])
        self._touch(index)

    def remove_unfinished(self) -> None:
        """Forget the pending points of every child."""
        for learner in self.learners:
            learner.remove_unfinished()
        self.forget_caches()

    def loss(self, real: bool = True) -> float:
        """Return the largest (weighted) loss of a child that has not ended; of all children if all have."""
        first = (self._real_losses if real else self._expected_losses).first()
        if first is None:
            loss = max(self._child_loss(index, real) for index in range(len(self.learners)))
        else:
            loss = -float(first[0])
        self.__dict__.setdefault("_cache", {})["loss"] = loss
        return loss

    @property
    def largest_error(self) -> Callable[[], float]:
        """``largest_error()`` is the largest estimated error of a child that has not ended, in units of its values.

        The attribute exists only if every child has it.
        """
        if self._without_error is not None:
            raise AttributeError(
                f"{type(self).__name__!r} object has 'largest_error' only if all of its children have it, but child "
                f"{self._without_error}, a {type(self.learners[self._without_error]).__name__}, has not"
            )
        return self._largest_error

    def _largest_error(self) -> float:
        first = self._errors.first()
        if first is None:
            return max(self._child_error(index) for index in range(len(self.learners)))
        return -float(first[0])

    @property
    def set_error_goal(self) -> Callable[..., None]:
        """``set_error_goal(error, fraction=None, confidence=None)`` gives every child this error goal.

        Exists only if every child has it; a fraction or a confidence is for children that take them.
        """
        for i, learner in enumerate(self.learners):
            if not has_method(learner, "set_error_goal"):
                raise AttributeError(
                    f"{type(self).__name__!r} object has 'set_error_goal' only if all of its children have it, but "
                    f"child {i}, a {type(learner).__name__}, has not"
                )
        return self._set_error_goal

    def _set_error_goal(
        self, error: float | None, fraction: float | None = None, confidence: float | None = None
    ) -> None:
        shares = {
            name: share for name, share in (("fraction", fraction), ("confidence", confidence)) if share is not None
        }
        for learner in self.learners:
            cast(Any, learner).set_error_goal(error, **shares)
        self.forget_caches()

    @property
    def error_goal(self) -> float | None:
        """The largest error goal of a child; None if one has none."""
        goals = [cast(Any, learner).error_goal for learner in self.learners]
        return None if None in goals else max(goals)

    def claim(self) -> Claim | None:
        """Return the weakest claim of a child: not checked, or with the largest error; None if one claims nothing."""
        claims = [self._claim_of(index) for index in range(len(self.learners))]
        if None in claims:
            return None
        found = cast(list[Claim], claims)
        unchecked = [claim for claim in found if not claim.is_checked]
        return max(unchecked or found, key=lambda claim: (claim.error, claim.fraction))

    def stopped_because(self) -> str:
        """Return why children have ended, with their numbers; nothing of those that have reached their error goal."""
        ended_for: dict[str, list[int]] = {}
        for i, child in enumerate(self.learners):
            ended = not self._has_reached(i) and (self.has_ended(i) or has_method(child, "has_ended"))
            if ended and (reason := self._reason_of(i)):
                ended_for.setdefault(reason, []).append(i)
        return "; ".join(f"{children(numbers)}: {reason}" for reason, numbers in ended_for.items())

    def _reason_of(self, index: int) -> str:
        child = self.learners[index]
        if _always_fails(child):
            but = f" but {child.npoints}" if child.npoints else ""
            return f"all{but} of its {count(child.npoints + len(child.failed_points), 'point')} failed"
        reason = str(cast(Explains, child).stopped_because()) if has_method(child, "stopped_because") else ""
        return reason or ("nothing left to ask for" if self._for_error else "")

    # ---------------------------------------------------------------------------------------------------- children

    @property
    def npoints(self) -> int:
        """Number of observed points of all children together."""
        return sum(learner.npoints for learner in self.learners)

    @property
    def nsamples(self) -> int:
        """Number of samples of all children together; AttributeError if the children do not count samples."""
        return sum(cast(Any, learner).nsamples for learner in self.learners)

    @property
    def data(self) -> dict[tuple[int, Any], Any]:
        """(index of the child, its point) -> value; a new dict."""
        return {(i, x): y for i, learner in enumerate(self.learners) for x, y in learner.data.items()}

    @property
    def pending_points(self) -> set[tuple[int, Any]]:
        """(index of the child, its pending point); a new set."""
        return {(i, x) for i, learner in enumerate(self.learners) for x in learner.pending_points}

    @property
    def failed_points(self) -> set[tuple[int, Any]]:
        """(index of the child, its failed point); a new set."""
        return {(i, x) for i, learner in enumerate(self.learners) for x in learner.failed_points}

    @property
    def weights(self) -> tuple[float, ...]:
        """Factors of the losses and improvements of the children."""
        return self._weights

    @property
    def cdims(self) -> list[dict[str, Any]]:
        """Labels of the children: one dict for each."""
        return [dict(cdim) for cdim in self._cdims_default]

    def plot(
        self,
        cdims: CDIMS_TYPE = None,
        plotter: Callable[[BaseLearner], Any] | None = None,
        dynamic: bool = True,
    ) -> Any:
        """Return a HoloViews map of the children's plots, with one slider for each of `cdims`.

        Parameters
        ----------
        cdims
            As for the constructor; default: those of the constructor.
        plotter : callable, optional
            Called with a child in place of ``child.plot()``.
        dynamic : bool
            True: a `DynamicMap`, drawn when it is displayed; False: a `HoloMap`, drawn immediately.
        """
        listed = self.cdims if cdims is None else _listed_cdims(cdims, len(self.learners))
        return _familiar_methods.view("balancing_learner").plot(self, listed, plotter, dynamic)

    # -------------------------------------------------------------------------------------------- save, load, pickle

    def _names(self, fname: Any) -> list[Any]:
        """Return the file name of each child."""
        if callable(fname) and isinstance(fname, os.PathLike):  # a template
            names: list[Any] = [cast(Any, fname)(i) for i in range(len(self.learners))]
            if len(set(names)) < len(names):
                raise ValueError(
                    f"{fname!r} gives the same name for several children; it should have the number {{i}}."
                )
            return names
        if callable(fname):
            return [fname(learner) for learner in self.learners]
        if isinstance(fname, str | bytes) or not isinstance(fname, Sequence):
            raise TypeError(
                "`fname` should be a function child -> file name, a PathTemplate with the child's number {i}, or a "
                f"list of one file name for each child, but is {fname!r}."
            )
        if len(fname) != len(self.learners):
            raise ValueError(
                f"one file name for each of the {len(self.learners)} children is expected, but there are {len(fname)}."
            )
        return list(fname)

    def save(self, fname: Any, compress: bool = True) -> None:
        """Save each child in a file of its own.

        Parameters
        ----------
        fname : callable, PathTemplate, or sequence of str
            ``fname(child)`` is the name of its file; or a template that is given the number ``i`` of the child; or the
            names, one for each child.
        compress : bool
            Compress with gzip.
        """
        for learner, name in zip(self.learners, self._names(fname), strict=True):
            learner.save(name, compress=compress)

    def load(self, fname: Any, compress: bool = True) -> None:
        """Load each child from its file, named as for `save`; a missing file means no data for that child.

        All files are read once before any child changes, so that a damaged one leaves every child as it was.
        """
        names = list(self._names(fname))
        for name in names:
            if isinstance(name, str | os.PathLike) and os.path.isfile(name):  # children with children have lists
                _familiar_methods.load(name, compress)
        for learner, name in zip(self.learners, names, strict=True):
            learner.load(name, compress=compress)
        self.forget_caches()

    def _get_data(self) -> list[Any]:
        return [learner._get_data() for learner in self.learners]

    def _set_data(self, data: Sequence[Any]) -> None:
        if len(data) != len(self.learners):
            raise ValueError(f"data of {len(self.learners)} children is expected, but there is data of {len(data)}.")
        for learner, part in zip(self.learners, data, strict=True):
            learner._set_data(part)
        self.forget_caches()

    def __getstate__(self) -> Any:
        # the heaps are computed from the children
        derived = {
            "function",
            "_finite",
            "_without_error",
            "_idle",
            "_claims",
            "_for_error",
            "_short",
            "_order",
            "_fewest",
            "_most",
            "_real_losses",
            "_expected_losses",
            "_errors",
        }
        return cloudpickle.dumps({name: value for name, value in self.__dict__.items() if name not in derived})

    def __setstate__(self, state: Any) -> None:
        self.__dict__.update(cloudpickle.loads(state))
        self._prepare()
        self.forget_caches()


class _CopyOnAsk(BalancingLearner):
    """A copy for dry asks: each child is copied before its first change."""

    def __init__(self, original: BalancingLearner) -> None:
        self.learners = list(original.learners)
        self._copied: set[int] = set()
        self._weights = original.weights
        self._prepare()
        self.strategy = original.strategy
        self._cycle = original.turn

    def _ask_child(self, index: int, tell_pending: bool) -> tuple[Sequence[Any], Sequence[float]]:
        if tell_pending and index not in self._copied:
            self._copied.add(index)
            self.learners[index] = deepcopy(self.learners[index])
        return super()._ask_child(index, tell_pending)


def _always_fails(child: BaseLearner) -> bool:
    return len(child.failed_points) >= MOST_FAILURES * (1 + child.npoints)


def _checked_weights(weights: Sequence[float] | None, count: int) -> tuple[float, ...]:
    if weights is None:
        return (1.0,) * count
    checked = tuple(float(weight) for weight in weights)
    if len(checked) != count or not all(0 < weight < inf for weight in checked):
        raise ValueError(f"`weights` should be {count} positive numbers, one for each child, but are {weights!r}.")
    return checked


def _listed_cdims(cdims: Any, count: int) -> list[dict[str, Any]]:
    """Return cdims in the form of one dict for each child."""
    if cdims is None:
        return [{"i": i} for i in range(count)]
    cdims = tuple(cdims) if isinstance(cdims, tuple) else list(cdims)
    if cdims and isinstance(cdims[0], Mapping):
        listed = [dict(cdim) for cdim in cdims]
    else:
        names, values = cdims
        listed = [dict(zip(names, each, strict=True)) for each in values]
    if len(listed) != count:
        raise ValueError(f"`cdims` should describe each of the {count} children, but describes {len(listed)}.")
    return listed
