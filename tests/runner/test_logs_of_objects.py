"""Logs and their replay where points or values are objects: dataclasses, members of enums, arrays in dicts."""

from __future__ import annotations

import enum
from dataclasses import dataclass

import numpy as np
import pytest

from adaptive_calib import BlockingRunner, DataSaver, SequenceLearner
from adaptive_calib.runner import ReplayError, SequentialExecutor, replay_log


@dataclass(frozen=True)
class Size:
    n: int
    weights: tuple[float, ...] = (0.5, 1.5)


class Colour(enum.Enum):
    RED = 1
    BLUE = 2


class Plain:
    """Says nothing of itself but where it is."""


class Alike:
    """One text for all."""

    def __repr__(self):
        return "<Alike>"


def times(point):
    return 2.0 * getattr(point, "n", 1)


ELEMENTS = {
    "dataclasses": [Size(n) for n in range(6)],
    "enums": list(Colour),
    "dicts with arrays": [{"x": np.arange(n)} for n in (1, 2, 3)],
    "mixed": [1, "a", Size(3), Colour.RED, np.float64(0.5), np.arange(3)],
}


def run(elements, log, function=times, learner=None):
    learner = learner or SequenceLearner(function, elements)
    runner = BlockingRunner(learner, executor=SequentialExecutor(), log=log)
    return learner, runner


@pytest.mark.parametrize("elements", ELEMENTS.values(), ids=ELEMENTS)
@pytest.mark.parametrize("on_disk", [True, False])
def test_points_of_any_kind_replay(elements, on_disk, tmp_path):
    """In memory as they are; on disk by their text, for the learner that asks again has the points."""
    path = tmp_path / "run.jsonl"
    learner, runner = run(elements, path if on_disk else True)
    again = learner.new()
    replay_log(again, path if on_disk else runner.log)
    assert list(again.data.items()) == list(learner.data.items())
    assert again.done()


def test_another_sequence_is_noticed(tmp_path):
    """The text of a point is compared, as the point itself would be."""
    run([Size(1), Size(2)], tmp_path / "run.jsonl")
    with pytest.raises(ReplayError, match=r"entry 2 .*point 0 was .*Size.* and is \(1, Size"):
        replay_log(SequenceLearner(times, [Size(1), Size(5)]), tmp_path / "run.jsonl")


@pytest.mark.parametrize("kind", [Plain, Alike])
def test_points_without_a_text_of_their_own_are_refused(kind, tmp_path):
    """What cannot be known again is not guessed: the sentence says what to do."""
    elements = [kind(), kind()]
    run(elements, tmp_path / "run.jsonl")
    if kind is Plain:  # the same objects, as in one process
        replay_log(SequenceLearner(times, elements), tmp_path / "run.jsonl")
        elements = [kind(), kind()]
        with pytest.raises(ReplayError, match="otherwise than in the run"):
            replay_log(SequenceLearner(times, elements), tmp_path / "run.jsonl")
    else:
        elements = [(0, kind()), (0, kind())]
        with pytest.raises(ReplayError):
            replay_log(SequenceLearner(times, elements), tmp_path / "run.jsonl")


def test_values_that_are_no_plain_data_replay_from_memory_only(tmp_path):
    """A file has their text; the error names the entry and says what to do."""

    def make(x):
        return {"y": float(x), "kept": Plain()}

    def saver():
        return DataSaver(SequenceLearner(make, range(3)), arg_picker=lambda value: value["y"])

    learner, runner = run(None, True, learner=saver())
    again = saver()
    replay_log(again, runner.log)
    assert again.data == learner.data
    run(None, tmp_path / "run.jsonl", learner=saver())
    with pytest.raises(ReplayError, match=r"entry 1 of the log, tell.*this text only.*log=True"):
        replay_log(saver(), tmp_path / "run.jsonl")
