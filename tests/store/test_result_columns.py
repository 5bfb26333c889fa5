"""Results of types that a store does not know by itself: handlers, and pickles where they are asked for."""

from __future__ import annotations

from collections import namedtuple
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from adaptive_calib import BlockingRunner, SequenceLearner
from adaptive_calib.engine.executors import SequentialExecutor
from adaptive_calib.store import Evaluation, SQLiteStore, UnreadableRowError, UnstorableResultError
from adaptive_calib.store.result_columns import Results

Pair = namedtuple("Pair", "a b")


class Half(Fraction):
    """A subclass without a handler of its own."""


def dump(value: Fraction, path: Path) -> None:
    """Write a fraction."""
    path.write_text(f"{value.numerator}/{value.denominator}")


def load(path: Path) -> Fraction:
    """Read a fraction."""
    return Fraction(path.read_text())


def results(handler: bool = True, **options: Any) -> Results:
    """Return what reads and writes fractions."""
    made = Results(**options)
    if handler:
        made.register(Fraction, dump, load)
    return made


NESTED = {"f": [Fraction(1, 3), 0.5, (Fraction(2, 7),)], "a": np.arange(3), 2: {"g": Fraction(5)}, "text": "~h"}


@pytest.mark.parametrize("value", [Fraction(1, 3), [Fraction(1, 3)], {1: (Fraction(-2), 3)}, 0.5, "x", None])
def test_a_value_with_a_handler_comes_back(value: Any) -> None:
    """By itself, or inside of plain values."""
    written = results().write(value)
    assert results().read(*written) == value


def test_values_with_handlers_and_arrays_stand_side_by_side() -> None:
    """Each finds its own bytes."""
    kind, text, data = results().write(NESTED)
    back = results().read(kind, text, data)
    assert (back["f"], back[2]) == (NESTED["f"], NESTED[2])
    assert back["a"].tolist() == [0, 1, 2]
    with pytest.raises(UnreadableRowError):
        results().read(kind, text, data[:-30])


def test_the_exact_type_goes_before_its_bases() -> None:
    """A handler of a base class serves those that have none."""
    some = results()
    assert some.read(*some.write([Half(1, 2)])) == [Fraction(1, 2)]
    some.register(Half, lambda value, path: path.write_bytes(b""), lambda path: "half")
    assert some.read(*some.write([Half(1, 2), Fraction(1, 3)])) == ["half", Fraction(1, 3)]


def test_tuples_with_names_have_handlers_too() -> None:
    """They are refused by themselves, as they would come back as plain tuples."""
    with pytest.raises(UnstorableResultError, match="register_handler"):
        results().write([Pair(1, 2)])
    some = results()
    some.register(Pair, lambda pair, path: path.write_text(f"{pair.a} {pair.b}"),
                  lambda path: Pair(*map(int, path.read_text().split())))  # fmt: skip
    assert some.read(*some.write({"p": Pair(1, 2)})) == {"p": Pair(1, 2)}


@pytest.mark.parametrize("value", [Fraction(1, 3), [Fraction(1, 3)]])
def test_a_reader_without_the_handler_is_told_its_name(value: Any) -> None:
    """And what to do."""
    written = results().write(value)
    with pytest.raises(UnreadableRowError, match=r"'fractions.Fraction'.*register_handler"):
        results(handler=False).read(*written)


def test_pickles_are_written_and_read_on_request_only() -> None:
    """On writing and on reading."""
    with pytest.raises(UnstorableResultError, match="pickle_results=True"):
        results(handler=False).write(Fraction(1, 3))
    written = results(handler=False, allow_pickle=True).write(Fraction(1, 3))
    assert written[0] == "pickle"
    with pytest.raises(UnreadableRowError, match="pickle_results=True"):
        results().read(*written)
    assert results(allow_pickle=True).read(*written) == Fraction(1, 3)
    with pytest.raises(UnstorableResultError, match="cannot be pickled"):
        results(allow_pickle=True).write(lambda: 1)
    with pytest.raises(UnreadableRowError, match="cannot read"):
        results().read("other", "", None)


def fraction(n: int) -> dict[str, Any]:
    """Return a record with a fraction inside."""
    return {"third": Fraction(n, 3), "curve": np.full(20_000, n)}


def test_a_run_keeps_them(tmp_path: Path) -> None:
    """Large ones beside the file; the second run evaluates nothing."""
    with SQLiteStore(tmp_path / "s.db") as store:
        store.register_handler(Fraction, dump, load)
        for mode in ("cached", "read-only"):
            learner = SequenceLearner(Evaluation(fraction, name="f"), [1, 2])
            BlockingRunner(
                learner, lambda learner: learner.done(), executor=SequentialExecutor(), store=store, mode=mode
            )
            assert [learner.data[i]["third"] for i in (0, 1)] == [Fraction(1, 3), Fraction(2, 3)]
