"""The laws of `DataSaver`."""

from __future__ import annotations

import pickle
import random
from operator import itemgetter
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from adaptive_calib.learner.average_learner import AverageLearner
from adaptive_calib.learner.data_saver import DataSaver, make_datasaver
from adaptive_calib.learner.learner1D import Learner1D
from adaptive_calib.learner.learner2D import Learner2D
from adaptive_calib.learner.sequence_learner import SequenceLearner
from adaptive_calib.testing.learners import LearnerContract


def _record(seed: int) -> dict[str, Any]:
    return {"y": random.Random(seed).gauss(0.5, 1), "note": f"seed {seed}"}


class TestContract(LearnerContract):
    nan_value: ClassVar[Any] = {"y": float("nan")}

    def make(self) -> Any:
        return DataSaver(AverageLearner(_record, rtol=0.1), itemgetter("y"))


def test_keeps_whole_results() -> None:
    """The learner learns the picked value; the record is kept in the order of telling, the later one if told again."""
    saver = DataSaver(Learner1D(abs, (-1, 1)), itemgetter("y"))
    for x in (1.0, -1.0, 0.0):
        saver.tell(x, {"y": x, "n": 1})
    saver.tell(1.0, {"y": 1.0, "n": 2})
    assert saver.data == saver.learner.data == {1.0: 1.0, -1.0: -1.0, 0.0: 0.0}
    assert [(x, record["n"]) for x, record in saver.extra_data.items()] == [(1.0, 2), (-1.0, 1), (0.0, 1)]


def test_an_error_leaves_both_as_they_were() -> None:
    """When the value cannot be picked, or the learner refuses it, nothing was told and nothing kept."""
    saver = DataSaver(Learner1D(abs, (-1, 1)), itemgetter("y"))
    with pytest.raises(KeyError):
        saver.tell(0.5, {"z": 1})
    with pytest.raises(TypeError):
        saver.tell(0.5, {"y": "text"})
    assert saver.npoints == 0
    assert not saver.extra_data


def test_all_else_is_the_childs() -> None:
    """Attributes and methods of the learner are there, and what it has not is an AttributeError of both."""
    saver = DataSaver(Learner1D(abs, (-1, 1)), itemgetter("y"))
    assert saver.bounds == (-1, 1)
    assert "bounds" in dir(saver)
    assert saver.to_numpy().size == 0
    assert not hasattr(saver, "done")
    assert DataSaver(SequenceLearner(abs, []), itemgetter("y")).done()
    with pytest.raises(AttributeError, match="nothing"):
        _ = saver.nothing
    saver.function = max
    assert saver.learner.function is max


def test_unhashable_elements() -> None:
    """Records of a sequence are kept by index, so that elements need not be hashable."""
    saver = DataSaver(SequenceLearner(sum, [[1, 2], [3]]), abs)
    for point in saver.ask(2)[0]:
        saver.tell(point, -saver.function(point))
    assert saver.extra_data == {0: -3, 1: -3}
    assert saver.result() == [3, 3]


def test_points_as_lists_and_arrays() -> None:
    """A point given as a list or an array has the key that it has in the data."""
    saver = DataSaver(Learner2D(abs, [(-1, 1), (-1, 1)]), abs)
    saver.tell(np.array([-1.0, 1.0]), -2.0)
    saver.tell([1.0, 1.0], -3.0)
    assert set(saver.extra_data) == set(saver.data) == {(-1.0, 1.0), (1.0, 1.0)}


def test_save_load_copy(tmp_path: Path) -> None:
    """Records are saved, loaded and copied with the data; a copy shares nothing."""
    saver, loaded, copied = (DataSaver(Learner1D(abs, (-1, 1)), itemgetter("y")) for _ in range(3))
    saver.tell(1.0, {"y": 1.0, "list": [1]})
    saver.save(tmp_path / "data.p")
    loaded.load(tmp_path / "data.p")
    copied.copy_from(saver)
    assert loaded.extra_data == copied.extra_data == saver.extra_data
    copied.extra_data[1.0]["list"].append(2)
    assert saver.extra_data[1.0]["list"] == [1]


def test_make_datasaver() -> None:
    """It makes a DataSaver around a learner from the learner's own arguments, and can be pickled."""
    make = pickle.loads(pickle.dumps(make_datasaver(Learner1D, itemgetter("y"))))
    saver = make(abs, bounds=(-1, 2))
    assert isinstance(saver.learner, Learner1D)
    assert saver.bounds == (-1, 2)


def test_picker_must_be_callable() -> None:
    """A name is no picker."""
    with pytest.raises(TypeError, match="arg_picker"):
        DataSaver(Learner1D(abs, (-1, 1)), "y")  # type: ignore[arg-type]  # that is the point
