"""The same experiments at several data sizes."""

from __future__ import annotations

import dataclasses
import json
import pickle
from typing import Any

import numpy as np
import pytest

from adaptive_calib.calibration import DataSizeStudy, Experiment, Sampling, SequentialLabel
from adaptive_calib.runner import BlockingRunner, SequentialExecutor
from tests.calibration.worlds import Gaussians, Normal

FAST = Sampling(M=8, max_M=8, resample_ends=4)


def another_data_set(experiment: Any, r: int) -> Experiment:
    """The same truth and candidates, other noise."""
    model: Normal = experiment.data_model
    return dataclasses.replace(experiment, data_model=dataclasses.replace(model, entropy=model.entropy + 1000 + r))


def study(n: int = 24, **changes: Any) -> DataSizeStudy:
    given: dict[str, Any] = {"c_list": (1.0, 0.25), "Linf": 256, "res": 4, "sampling": FAST}
    return DataSizeStudy(Gaussians(n, blocks=True), n, **{**given, **changes})


def test_an_answer_is_plain_data_and_the_same_each_time() -> None:
    """It can be written as JSON, is the same after pickling, and has a number for each c."""
    one = study()
    answer = one(64)
    assert json.loads(json.dumps(answer)) == answer == pickle.loads(pickle.dumps(one))(64)
    assert answer["c"] == [0.25, 1.0]
    for name in ("spread", "decisiveness", "slope", "stderr"):
        assert len(answer[name]) == 2
    assert answer["undecided"] == 0


def test_more_data_decide_more() -> None:
    """With larger data sets replicates of one experiment agree more, at the same labels."""
    one = study(12, replicate=another_data_set, replicates=6)
    small, large = one(16), one(4096)
    assert np.mean(large["spread"]) < np.mean(small["spread"])


def test_a_learner_chooses_sizes_with_a_runner() -> None:
    """Whole numbers on a log-scaled axis, ends included; the whole answers are kept beside the spreads."""
    learner = study(8).learner((16, 1024))
    BlockingRunner(learner, npoints_goal=6, executor=SequentialExecutor())
    sizes = sorted(learner.extra_data)
    assert len(sizes) >= 6
    assert (sizes[0], sizes[-1]) == (16, 1024)
    assert all(float(L).is_integer() for L in sizes)
    assert all(learner.extra_data[L]["Ldata"] == L for L in sizes)


def test_labels_may_be_sequential() -> None:
    """Labels are those of the rule, whichever the size."""
    one = study(Linf=None, labels=SequentialLabel(256, alpha=0.001))
    assert one(32)["undecided"] == one(128)["undecided"]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"Linf": None}, "either `Linf` or `labels`"),
        ({"c_list": ()}, "at least one c"),
        ({"c_list": (0.0,)}, r"\(0, inf\)"),
        ({"replicate": another_data_set, "replicates": 1}, "at least 2"),
    ],
)
def test_refusals(changes: dict[str, Any], words: str) -> None:
    """Impossible studies are refused before any work."""
    with pytest.raises(ValueError, match=words):
        study(**changes)


def test_refused_numbers() -> None:
    """More experiments than there are, and bounds that are none, are refused in clear words."""
    with pytest.raises(ValueError, match="between 1 and the 4 experiments"):
        DataSizeStudy(Gaussians(4), 5, (1.0,), Linf=256)
    with pytest.raises(ValueError, match="smallest < largest"):
        study().learner((100, 10))
