"""One tree of bokeh models is made like another by changing only what differs.

A plot on the page consists of models, and so does the next frame that HoloViews draws of it. Both trees are walked side
by side from their roots: models of the same make, in the same place, are partners. What differs between the last
drawing and the new one goes into the shown models, with references to new models replaced by references to their
partners; new models without a partner move into the shown tree as they are.

So nothing is sent that did not change, and what the page itself has set (the zoom, muted curves, the chosen tool)
stays: it is in neither drawing.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from bokeh.core.property.vectorization import Expr, Field, Value
from bokeh.model import Model
from bokeh.models import ColumnDataSource, FactorRange, Plot, Range
from pandas import Index, Series
from pandas.api.extensions import ExtensionArray

__all__ = ["ModelDiff", "packed"]

#: What was drawn into each model of a tree: the properties that are not as they are by default.
Drawing = dict[Model, dict[str, Any]]
#: Numbers in an array that goes as text: ten times the bytes of a message's own head, and read in a millisecond.
_SHORT = 1000


class ModelDiff:
    """A shown tree of models that takes the likeness of others.

    Parameters
    ----------
    root : bokeh Model
        As it was drawn, before it is displayed.
    """

    def __init__(self, root: Model) -> None:
        self._root = root
        self._drawn = _drawing(root)

    def ranges(self) -> list[Range]:
        """Return the ranges of all axes."""
        return [model for model in self._drawn if isinstance(model, Range)]

    def apply(self, root: Model) -> dict[Range, Range]:
        """Make the shown tree like a new one, whose models may not be used any more.

        Parameters
        ----------
        root : bokeh Model
            Of the new tree; of the same make as that of the shown one.

        Returns
        -------
        dict
            Shown ranges -> new ranges. The shown ones are left as they are, but for the factors of categories.
        """
        new = _drawing(root)
        partners = _Partners(self._drawn, new).of(self._root, root)
        drawn: Drawing = {}
        ranges: dict[Range, Range] = {}
        for model, values in new.items():
            shown = partners.get(model, model)
            drawn[shown] = {name: _translated(value, partners) for name, value in values.items()}
            before = self._drawn.get(shown, values)
            changed = {name for name in drawn[shown] if not _same(drawn[shown][name], before.get(name))}
            changed |= before.keys() - values.keys()
            if isinstance(shown, Range) and isinstance(model, Range) and shown is not model:
                ranges[shown] = model
                changed &= {"factors"} if isinstance(shown, FactorRange) else set()
            for name in changed:
                if not shown.lookup(name).readonly:
                    value = drawn[shown].get(name, getattr(model, name))
                    setattr(shown, name, packed(value) if isinstance(shown, ColumnDataSource) else value)
        self._drawn = drawn
        return ranges


class _Partners:
    """Who in the shown tree is in the place of whom in the new one."""

    def __init__(self, shown: Drawing, new: Drawing) -> None:
        self._shown = shown
        self._new = new
        self._taken: set[Model] = set()
        self._partners: dict[Model, Model] = {}

    def of(self, shown: Model, new: Model) -> dict[Model, Model]:
        """Return new model -> shown model, from these two on."""
        self._pair(shown, new)
        return self._partners

    def _pair(self, shown: Model, new: Model) -> None:
        self._partners[new] = shown
        self._taken.add(shown)
        for name, value in self._new[new].items():
            self._match(_models(self._shown[shown].get(name)), _models(value))

    def _match(self, shown: Iterable[Model], new: Iterable[Model]) -> None:
        """Pair models of two lists, in their order."""
        free = [model for model in shown if model not in self._taken]
        wanted = [model for model in new if model not in self._partners]
        for key in (_label, _make):  # where a panel was inserted, the others are known by their labels
            for model in list(wanted):
                partner = next((other for other in free if key(other, self._shown) == key(model, self._new)), None)
                if partner is not None:
                    free.remove(partner)
                    wanted.remove(model)
                    if partner not in self._taken and model not in self._partners:  # by a way round
                        self._pair(partner, model)


def _make(model: Model, drawing: Drawing) -> Any:
    """Return what partners have in common; for BokehJS does not change the kind of a glyph or scale in its place."""
    return type(model), {name: type(value) for name, value in drawing[model].items() if isinstance(value, Model)}


def _label(model: Model, drawing: Drawing) -> Any:
    """Return its make, and of a plot the labels of the axes."""
    values = drawing[model]
    axes = [*values.get("below", ()), *values.get("left", ())] if isinstance(model, Plot) else []
    return _make(model, drawing), [drawing[axis].get("axis_label") for axis in axes]


def _drawing(root: Model) -> Drawing:
    """Return all models to which this one refers, itself included, with their values."""
    drawing: Drawing = {}
    waiting = [root]
    while waiting:
        model = waiting.pop()
        if model not in drawing:
            model.syncable = False  # Panel's page sends back whatever it is sent, and nobody here wants it
            values = model.properties_with_values(include_defaults=False)
            drawing[model] = {name: _translated(value, {}) for name, value in values.items()}  # plain dicts and lists
            waiting += _models(drawing[model])
    return drawing


def packed(value: Any) -> Any:
    """Return columns of data with short arrays as lists, which all go in one message; each array needs two of its own.

    JupyterLab's server drops messages beyond a thousand in a second, after which Panel understands none any more.
    """
    if isinstance(value, np.ndarray) and value.ndim == 1 and value.size <= _SHORT and value.dtype.kind in "biufO":
        value = value.tolist()
    if isinstance(value, dict):
        return {key: packed(item) for key, item in value.items()}
    return [packed(item) for item in value] if isinstance(value, list) else value


def _parts(value: Any) -> Iterable[Any]:
    """Return what a value consists of, if it can contain models."""
    if isinstance(value, dict):
        return value.values()
    if isinstance(value, (list, tuple)):
        return value
    return vars(value).values() if isinstance(value, (Expr, Field, Value)) else ()


def _models(value: Any) -> Iterator[Model]:
    """Yield the models to which a value refers directly."""
    if isinstance(value, Model):
        yield value
    for part in _parts(value):
        yield from _models(part)


def _translated(value: Any, partners: dict[Model, Model]) -> Any:
    """Return the value with models replaced by their partners."""
    if isinstance(value, Model):
        return partners.get(value, value)
    if isinstance(value, dict):
        return {key: _translated(item, partners) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        items = [_translated(item, partners) for item in value]
        return items if isinstance(value, list) else tuple(items)
    if isinstance(value, (Expr, Field, Value)):
        return dataclasses.replace(value, **{key: _translated(item, partners) for key, item in vars(value).items()})
    return value


def _same(one: Any, other: Any) -> bool:
    """Whether two values are equal, where NaN equals NaN."""
    if type(one) is not type(other):
        return False
    if isinstance(one, (ExtensionArray, Index, Series)):
        return _same(np.asarray(one), np.asarray(other))
    if isinstance(one, np.ndarray):
        if one.dtype != other.dtype or one.shape != other.shape:
            return False
        if one.dtype.kind == "O":
            return all(map(_same, one.flat, other.flat))
        return np.array_equal(one, other, equal_nan=one.dtype.kind in "fcmM")
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(_same, one, other))
    if isinstance(one, float):
        return one == other or (one != one and other != other)
    return bool(one == other)
