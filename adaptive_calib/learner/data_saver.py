"""Learn a part of each result, and keep the whole result.

`DataSaver` wraps any learner: the function returns a record, `arg_picker` picks from it the value for the learner,
and `extra_data` keeps the record. Everything else is passed on to the learner.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Self

from adaptive_calib.learner.base_learner import BaseLearner
from adaptive_calib.learner.claims import Claim

__all__ = ["DataSaver", "make_datasaver"]


class DataSaver(BaseLearner):
    """Keeps whole results beside a learner that learns a part of them.

    Parameters
    ----------
    learner : BaseLearner
        Chooses the points; its function returns the whole result.
    arg_picker : callable
        ``arg_picker(result)`` is the value for the learner, e.g. ``operator.itemgetter("y")``.

    Attributes
    ----------
    learner : BaseLearner
        The learner inside. Attributes and methods that are not listed here are looked up there.
    extra_data : OrderedDict
        Point (as in the learner's data) -> whole result, in the order of recording.

    Examples
    --------
    >>> from operator import itemgetter
    >>> from adaptive_calib import DataSaver, Learner1D
    >>> saver = DataSaver(Learner1D(lambda x: {"y": x**2, "seconds": 1.5}, bounds=(-1, 1)), itemgetter("y"))
    """

    def __init__(self, learner: BaseLearner, arg_picker: Callable[[Any], Any]) -> None:
        if not callable(arg_picker):
            raise TypeError(f"`arg_picker` should be callable, but is {arg_picker!r}.")
        self.learner = learner
        self.arg_picker = arg_picker
        self.extra_data: OrderedDict[Any, Any] = OrderedDict()

    def __getattr__(self, name: str) -> Any:
        # not before __init__, when copying and unpickling look for methods; and no special methods of the learner
        if name == "learner" or (name.startswith("__") and name.endswith("__")):
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        return getattr(self.learner, name)

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *dir(self.learner)})

    @property
    def function(self) -> Callable[..., Any]:
        """The learner's function; may be set."""
        return self.learner.function

    @function.setter
    def function(self, function: Callable[..., Any]) -> None:
        self.learner.function = function

    @property
    def failed_points(self) -> Any:
        """The learner's failed points."""
        return self.learner.failed_points

    @property
    def max_pending(self) -> int | None:
        """The learner's limit of pending points; may be set."""
        return self.learner.max_pending

    @max_pending.setter
    def max_pending(self, limit: int | None) -> None:
        self.learner.max_pending = limit

    @property
    def latest_loss(self) -> float | None:
        """The last answer of `loss`."""
        return self.learner.latest_loss

    def claim(self) -> Claim | None:
        """Return the learner's claim."""
        return self.learner.claim()

    def new(self) -> Self:
        """Return a DataSaver around a new learner, without data."""
        return type(self)(self.learner.new(), self.arg_picker)

    def data_key(self, x: Any) -> Any:
        """Return the key of `x` in `data` and `extra_data`: the learner's."""
        return self.learner.data_key(x)

    def ask(self, n: int, tell_pending: bool = True) -> tuple[Sequence[Any], Sequence[float]]:
        """Choose the next points, as the learner does."""
        return self.learner.ask(n, tell_pending)

    def tell(self, x: Any, y: Any) -> None:
        """Tell the learner the value that `arg_picker` picks from the result `y`, and keep `y`.

        If `arg_picker` or the learner raises, both stay as they were. A second result of a point replaces the
        first.
        """
        picked = self.arg_picker(y)
        key = self.learner.data_key(x)
        self.learner.tell(x, picked)
        self.extra_data[key] = y

    def tell_pending(self, x: Any) -> None:
        """Mark `x` as pending."""
        self.learner.tell_pending(x)

    def tell_failed(self, x: Any) -> None:
        """Mark `x` as failed."""
        self.learner.tell_failed(x)

    def remove_unfinished(self) -> None:
        """Forget the pending points."""
        self.learner.remove_unfinished()

    def loss(self, real: bool = True) -> float:
        """Return the learner's loss."""
        return self.learner.loss(real)

    def _get_data(self) -> tuple[Any, OrderedDict[Any, Any]]:
        return self.learner._get_data(), OrderedDict(self.extra_data)

    def _set_data(self, data: tuple[Any, OrderedDict[Any, Any]]) -> None:
        learned, extra = data
        self.learner._set_data(learned)
        self.extra_data = OrderedDict(extra)


def _make(
    learner_type: Callable[..., BaseLearner], arg_picker: Callable[[Any], Any], *args: Any, **kw: Any
) -> DataSaver:
    return DataSaver(learner_type(*args, **kw), arg_picker)


def make_datasaver(
    learner_type: Callable[..., BaseLearner], arg_picker: Callable[[Any], Any]
) -> Callable[..., DataSaver]:
    """Return a factory of `DataSaver` objects around learners of type `learner_type`.

    Parameters
    ----------
    learner_type : class
        A learner class.
    arg_picker : callable
        As for `DataSaver`.

    Returns
    -------
    callable
        Takes the arguments of `learner_type`; usable as `learner_type` of `BalancingLearner.from_product`.

    Examples
    --------
    >>> from operator import itemgetter
    >>> from adaptive_calib import Learner1D, make_datasaver
    >>> from adaptive_calib.runner import simple
    >>> Saving = make_datasaver(Learner1D, arg_picker=itemgetter("y"))
    >>> learner = Saving(lambda x: {"y": x * x, "note": "more"}, bounds=(-1, 1))
    >>> simple(learner, npoints_goal=5)
    >>> learner.extra_data[0]["note"]
    'more'
    """
    return partial(_make, learner_type, arg_picker)
