"""Added values of c are sampled as points of the run: in the workers, stored, and only as far as they are needed."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest

from adaptive_calib import BlockingRunner
from adaptive_calib.calibration import CalibrationLearner, EvaluateExperiment
from adaptive_calib.learner.carried_point import CarriedPoint
from adaptive_calib.runner import SequentialExecutor
from tests.calibration.test_learner import learner, outcome, run
from tests.calibration.worlds import Gaussians


def adding(N: int = 320) -> CalibrationLearner:
    """A learner that decides lightly, so that it comes to add values of c."""
    return learner(N, confidence=0.6, c_tol=0.5, band=0.05, experiments=Gaussians(N, spread=1.0))


@pytest.fixture(scope="module")
def finished() -> CalibrationLearner:
    return run(adding())


def columns(one: CalibrationLearner) -> list[Any]:
    return [point for point in one.data if point[0] == "column"]


def test_added_c_are_points_of_the_run(finished: CalibrationLearner) -> None:
    """What is added is asked for in pieces that end at the numbers of experiments of the decisions."""
    asked = columns(finished)
    assert len(finished.c_list) > len(finished.function.c_list)
    assert asked
    assert all(0 < stop - start <= 32 for _, start, stop, _ in asked)
    assert {c for *_, c in asked} <= set(finished.c_list) - set(finished.function.c_list)


@pytest.mark.parametrize("workers", [3, 9])
def test_the_outcome_does_not_depend_on_workers(finished: CalibrationLearner, workers: int) -> None:
    """Any number of workers and any order: the same pieces, the same c."""
    other = run(adding(), workers, seed=workers)
    assert set(columns(other)) == set(columns(finished))
    assert outcome(other) == outcome(finished)


class Whole(EvaluateExperiment):
    """A function of its own that does not take columns."""

    def __call__(self, point: Any) -> dict[str, Any]:
        return super().__call__(point)


def test_a_function_that_takes_no_columns_gives_the_same(finished: CalibrationLearner) -> None:
    """Where the function has no such points, added c are sampled by the learner, with the same outcome."""
    one = adding()
    whole = object.__new__(Whole)
    whole.__dict__.update(one.function.__dict__)
    one.function = whole
    run(one)
    assert not columns(one)
    assert outcome(one) == outcome(finished)


def test_records_travel_with_the_point(finished: CalibrationLearner) -> None:
    """A sampling point is the plain tuple with its records; without them the value is the same."""
    point = columns(finished)[0]
    carried = pickle.loads(pickle.dumps(finished._carried(point)))
    assert carried == point
    assert hash(carried) == hash(point)
    assert isinstance(carried, CarriedPoint)
    for value in (finished.function(carried), finished.function(point)):
        for name in ("bemd", "stderr"):
            np.testing.assert_array_equal(value[name], finished.data[point][name])


def test_opening_a_store_again_evaluates_nothing(finished: CalibrationLearner, tmp_path: Any) -> None:
    """The values at added c are in the store; without them they are made again, and the outcome is the same."""
    one = adding()
    BlockingRunner(one, store=tmp_path / "c.db", executor=SequentialExecutor())
    assert outcome(one) == outcome(finished)
    again = adding()
    BlockingRunner(again, store=tmp_path / "c.db", executor=SequentialExecutor())
    assert outcome(again) == outcome(finished)
    assert columns(again) == columns(one)


def test_a_piece_that_failed_leaves_a_gap() -> None:
    """A sampling point that failed for good holds nothing up."""
    one = adding()
    while not one.done():
        for point in one.ask(8)[0]:
            if point[0] == "column" and point[1] == 0:
                one.tell_failed(point)
            else:
                one.tell(point, one.function(point))
    assert one.n_experiments == 320
    assert any(np.isnan(one.column(c)[0]).any() for c in one.c_list)


def test_a_value_of_another_length_is_refused(finished: CalibrationLearner) -> None:
    """A value should hold as many B_EMD as experiments."""
    with pytest.raises(ValueError, match="as many B_EMD"):
        adding().tell(columns(finished)[0], {"bemd": [0.5], "stderr": [0.1]})
