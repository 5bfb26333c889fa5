"""Names of files by a template: ``"{root}/{name}/L{Ldata}/learner_{i:03d}.pickle"``, checked before the run."""

from __future__ import annotations

import string
from pathlib import Path
from typing import Any, Self

from adaptive_calib.store.identity.evaluation import Evaluation

__all__ = ["PathTemplate"]


class PathTemplate:
    """An immutable path with names in braces, for ``learner.save``, ``learner.load`` and others that take a path.

    As a path it is filled in without a child's number; a BalancingLearner fills in the number of each child.

    Parameters
    ----------
    template : str
        Keys in braces, with formats as in `str.format`: ``root``, ``name``, ``version``, ``split``, the fields of the
        evaluation's configuration, and ``i``, the number of a child.
    evaluation : Evaluation, optional
        Gives name, version and configuration.
    **values
        Values of further keys, like ``root="runs"``; they go before the evaluation's.

    Raises
    ------
    KeyError
        If the template has an unknown key; the message names both. Raised when the template is made.
    ValueError
        If the template is not a format string.

    Examples
    --------
    >>> path = PathTemplate("{root}/L{Ldata}/learner_{i:03d}.pickle", root="runs", Ldata=400)
    >>> str(path(i=7))
    'runs/L400/learner_007.pickle'
    """

    def __init__(self, template: str, evaluation: Evaluation | None = None, **values: Any) -> None:
        self.template = str(template)
        own: dict[str, Any] = {}
        if evaluation is not None:
            own = {**evaluation.config_items, "name": evaluation.name, "version": evaluation.version}
        self._values = {**own, **values}
        try:
            fields = list(string.Formatter().parse(self.template))
        except ValueError as error:
            raise ValueError(f"{self.template!r} is not a template: {error}.") from error
        names = {name.partition(".")[0].partition("[")[0] for _, name, _, _ in fields if name is not None}
        unknown = sorted(names - set(self._values) - {"i", "split"})
        if unknown:
            known = ", ".join(sorted({*self._values, "i", "split"}))
            raise KeyError(f"{unknown[0]!r} in the template {self.template!r} is not known; known are {known}.")
        self._needs = names - set(self._values)

    def __repr__(self) -> str:
        return f"PathTemplate({self.template!r})"

    def with_values(self, **values: Any) -> Self:
        """Return the template with more values."""
        new = object.__new__(type(self))
        new.template, new._values = self.template, {**self._values, **values}
        new._needs = self._needs - set(values)
        return new

    def __fspath__(self) -> str:
        """Return the path, for a template that needs no child's number."""
        return str(self())

    def __call__(self, i: int | None = None, split: str | None = None) -> Path:
        """Return the path for child number `i` and a set of replicates.

        Raises
        ------
        ValueError
            If the template needs one that is not given, or a value does not suit its format.
        """
        given = {name: value for name, value in (("i", i), ("split", split)) if value is not None}
        missing = sorted(self._needs - set(given))
        if missing:
            raise ValueError(f"the template {self.template!r} needs {missing[0]!r}, which was not given.")
        values = {**self._values, **given}
        try:
            return Path(self.template.format_map(values))
        except (ValueError, KeyError, AttributeError, IndexError) as error:
            raise ValueError(f"the template {self.template!r} cannot be filled in: {error}") from error
