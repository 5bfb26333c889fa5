"""Learn one number of a result, and keep the whole result.

`DataSaver` stands around any learner: the function returns a record, `arg_picker` picks from it what the learner
learns, and `extra_data` keeps the record. All else is the learner's own.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Self

from adaptive_calib.learner.base_learner import BaseLearner

__all__ = ["DataSaver", "make_datasaver"]


class DataSaver(BaseLearner):
    """Keeps whole results beside a learner that learns a part of them.

    Parameters
    ----------
    learner : BaseLearner
        Chooses the points; its function returns the whole result.
    arg_picker : callable
        ``arg_picker(result)`` is the value that the learner is told, e.g. ``operator.itemgetter("y")``.

    Attributes
    ----------
    learner : BaseLearner
        The learner inside. Attributes and methods that are not listed here are looked up there.
    extra_data : OrderedDict
        Point (as in the learner's data) -> whole result, in the order of telling.

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
        # not before __init__ (copying and unpickling look for methods then), and no special methods of the child
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
        """The learner's limit of points under way; may be set."""
        return self.learner.max_pending

    @max_pending.setter
    def max_pending(self, limit: int | None) -> None:
        self.learner.max_pending = limit

    @property
    def latest_loss(self) -> float | None:
        """The last answer of `loss`."""
        return self.learner.latest_loss

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
        """Tell the learner what `arg_picker` picks from the result `y`, and keep `y`.

        Whatever is raised by `arg_picker` or by the learner leaves both as they were. A point told again keeps the
        later result.
        """
        picked = self.arg_picker(y)
        key = self.learner.data_key(x)
        self.learner.tell(x, picked)
        self.extra_data[key] = y

    def tell_pending(self, x: Any) -> None:
        """Count `x` as under way."""
        self.learner.tell_pending(x)

    def tell_failed(self, x: Any) -> None:
        """Count `x` as failed for good."""
        self.learner.tell_failed(x)

    def remove_unfinished(self) -> None:
        """Forget what is under way."""
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
    """Return what makes a `DataSaver` around a `learner_type`, from the arguments of the latter.

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
