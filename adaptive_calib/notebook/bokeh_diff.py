"""The difference between two trees of bokeh models, applied to the displayed one.

A plot on the page is a tree of models, and so is the next frame that HoloViews draws. Both trees are walked together
from their roots: models of the same kind in the same place are partners. Properties that differ between the last
drawing and the new one are set on the displayed models, with references to new models replaced by references to their
partners; new models without a partner are inserted into the displayed tree as they are.

So only changes are sent, and the state that the page itself has set (zoom, muted curves, the selected tool) is kept: it
is part of neither drawing.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from bokeh.core.property.vectorization import Expr, Field, Value
from bokeh.model import Model
from bokeh.models import FactorRange, Plot, Range
from pandas import Index, Series
from pandas.api.extensions import ExtensionArray

__all__ = ["ModelDiff"]

#: Model -> the properties that do not have their default values, for each model of a tree.
Drawing = dict[Model, dict[str, Any]]


class ModelDiff:
    """A displayed tree of models, to which differences to other trees are applied.

    Parameters
    ----------
    root : bokeh Model
        The tree as it was drawn, before it is displayed.
    """

    def __init__(self, root: Model) -> None:
        self._root = root
        self._drawn = _drawing(root)

    def ranges(self) -> list[Range]:
        """Return the ranges of all axes."""
        return [model for model in self._drawn if isinstance(model, Range)]

    def apply(self, root: Model) -> dict[Range, Range]:
        """Make the displayed tree equal to a new one, except for its ranges.

        Parameters
        ----------
        root : bokeh Model
            The root of the new tree, of the same kind as the displayed one. Its models must not be used afterwards.

        Returns
        -------
        dict
            Displayed ranges -> new ranges. Of displayed ranges only the factors of categories are changed.
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
                    setattr(shown, name, drawn[shown].get(name, getattr(model, name)))
        self._drawn = drawn
        return ranges


class _Partners:
    """Maps models of the new tree to the displayed models that they replace."""

    def __init__(self, shown: Drawing, new: Drawing) -> None:
        self._shown = shown
        self._new = new
        self._taken: set[Model] = set()
        self._partners: dict[Model, Model] = {}

    def of(self, shown: Model, new: Model) -> dict[Model, Model]:
        """Return new model -> displayed model, starting from these two roots."""
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
        for key in (_label, _make):  # the labels identify the other panels where one was inserted
            for model in list(wanted):
                partner = next((other for other in free if key(other, self._shown) == key(model, self._new)), None)
                if partner is not None:
                    free.remove(partner)
                    wanted.remove(model)
                    if partner not in self._taken and model not in self._partners:  # in a cycle of references
                        self._pair(partner, model)


def _make(model: Model, drawing: Drawing) -> Any:
    """Return what partners must have in common: BokehJS cannot change the kind of a glyph or scale in place."""
    return type(model), {name: type(value) for name, value in drawing[model].items() if isinstance(value, Model)}


def _label(model: Model, drawing: Drawing) -> Any:
    """Return `_make`, and the labels of the axes of a plot."""
    values = drawing[model]
    axes = [*values.get("below", ()), *values.get("left", ())] if isinstance(model, Plot) else []
    return _make(model, drawing), [drawing[axis].get("axis_label") for axis in axes]


def _drawing(root: Model) -> Drawing:
    """Return all models that are reachable from this one, itself included, with their values."""
    drawing: Drawing = {}
    waiting = [root]
    while waiting:
        model = waiting.pop()
        if model not in drawing:
            values = model.properties_with_values(include_defaults=False)
            drawing[model] = {name: _translated(value, {}) for name, value in values.items()}  # plain dicts and lists
            waiting += _models(drawing[model])
    return drawing


def _parts(value: Any) -> Iterable[Any]:
    """Return the parts of a value that can contain models."""
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
