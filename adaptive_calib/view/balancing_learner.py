"""The plot of a `BalancingLearner`: the plots of its children, selected by sliders."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any

from adaptive_calib.learner.balancing_learner import BalancingLearner
from adaptive_calib.learner.base_learner import BaseLearner
from adaptive_calib.view._holoviews import holoviews

__all__ = ["plot"]


def plot(
    learner: BalancingLearner,
    cdims: Sequence[Mapping[str, Any]],
    plotter: Callable[[BaseLearner], Any] | None = None,
    dynamic: bool = True,
) -> Any:
    """Return a map from the values of `cdims` to the plots of the children.

    Parameters
    ----------
    learner : BalancingLearner
        Its children are drawn as they are when they are looked at (`dynamic`) or now.
    cdims : sequence of dict
        One for each child; one slider for each name.
    plotter : callable, optional
        Draws a child; default ``child.plot()``.
    dynamic : bool
        Whether to return a `DynamicMap`; else a `HoloMap`.

    Returns
    -------
    holoviews.DynamicMap or holoviews.HoloMap
        A combination of values that no child has shows the plot of a child without data.

    Raises
    ------
    RuntimeError
        If HoloViews is not installed.
    """
    hv = holoviews()
    names = list(cdims[0])
    children: dict[tuple[Hashable, ...], Any] = {
        tuple(cdim[name] for name in names): child for cdim, child in zip(cdims, learner.learners, strict=True)
    }

    def draw(*values: Hashable) -> Any:
        child: Any = children.get(values)
        if child is None:
            child = learner.learners[0].new()
        return child.plot() if plotter is None else plotter(child)

    dimensions = [
        hv.Dimension(name, values=list(dict.fromkeys(key[k] for key in children))) for k, name in enumerate(names)
    ]
    if dynamic:
        return hv.DynamicMap(draw, kdims=dimensions)
    return hv.HoloMap({values: draw(*values) for values in children}, kdims=dimensions)
