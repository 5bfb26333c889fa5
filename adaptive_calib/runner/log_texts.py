"""Restores the points of a log on disk that are kept there as texts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from adaptive_calib.engine.points import same_point

__all__ = ["LogTexts", "PointText", "ReplayError"]


class ReplayError(ValueError):
    """The learner answers otherwise than when the log was written."""


class PointText(str):
    """A text in place of a point; error messages show it without quotes."""

    __slots__ = ()
    __repr__ = str.__str__


class LogTexts:
    """Replaces texts by points: a log on disk has only texts of points that are no plain data."""

    def __init__(self) -> None:
        from adaptive_calib.store.codec import PointKey  # here: only a log on disk needs the store
        from adaptive_calib.store.log import log_text

        self._kind, self._text = PointKey, log_text
        self._points: dict[str, Any] = {}

    def seen(self, logged: Sequence[Any], answered: Sequence[Any], number: int) -> tuple[Any, ...]:
        """Keep the points that the learner answered; return those of the log with texts replaced by them."""
        for old, new in zip(logged, answered, strict=False):
            known = type(old) is self._kind and old.text == self._text(new)
            if known and not same_point(self._points.setdefault(old.text, new), new):
                raise ReplayError(
                    f"entry {number} of the log, ask: two points have the same text there, {old.text:.80}, so their "
                    "values cannot be told apart; give the run log=True, which keeps the points themselves."
                )
        return tuple(
            self._points.get(old.text, PointText(old.text)) if type(old) is self._kind else old for old in logged
        )

    def restored(self, arg: Any, number: int, name: str) -> Any:
        """Return an argument with texts replaced by points."""
        if isinstance(arg, list):
            return [self.restored(item, number, name) for item in arg]
        if type(arg) is not self._kind:
            return arg
        if arg.text not in self._points:
            raise ReplayError(
                f"entry {number} of the log, {name}: of {arg.text:.80} the file has this text only, as it is no plain "
                "data (numbers, texts, lists, dicts, arrays). Give the run log=True, which keeps objects themselves."
            )
        return self._points[arg.text]
