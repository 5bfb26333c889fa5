"""Calibrate keeps emdcmp's familiar call and result."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from adaptive_calib.runner import SequentialExecutor
from adaptive_calib.tasks import Calibrate, CalibrateOutput, compute_Bemd, compute_Bepis
from tests.calibration.worlds import Gaussians

C = [2.0**-2, 2.0**0, 2.0**2]


def calibrate(experiments: Any, c_list: list[float] = C, **more: Any) -> Calibrate:
    return Calibrate(
        reason="test", c_list=c_list, experiments=experiments, Ldata=64, Linf=256, executor=SequentialExecutor(), **more
    )


def test_the_familiar_call() -> None:
    """Run, unpack, look: experiment-major lists, one record array for each c in the order of the experiments."""
    task = calibrate(Gaussians(1).generate(6))
    assert not task.has_run
    out = task.run()
    assert task.has_run
    assert (len(out.Bemd), len(out.Bepis)) == (18, 6)
    result = task.unpack_results(out)
    assert list(result) == C
    np.testing.assert_array_equal(result[1.0]["Bemd"], out.Bemd[1::3])
    np.testing.assert_array_equal(result[4.0]["Bepis"], out.Bepis)
    assert (task.c_list, len(task.experiments), task.Ldata, task.Linf) == (C, 6, 64, 256)


def test_the_pieces_agree_with_the_whole() -> None:
    """compute_Bemd and compute_Bepis give for one experiment what the task gives for it."""
    task = calibrate(Gaussians(3))
    result = task.unpack_results(task.run())
    experiment = Gaussians(3)[2]
    (i, _, c), bemd = compute_Bemd((2, experiment, 1.0), 64)
    assert (i, c, bemd) == (2, 1.0, result[1.0]["Bemd"][2])
    assert compute_Bepis(experiment.data_model, experiment.QA, experiment.QB, 256) == result[1.0]["Bepis"][2]


def test_the_order_of_c_does_not_matter() -> None:
    """The same numbers whatever the order of c_list, and whichever other c are in it."""
    one = calibrate(Gaussians(4))
    two = calibrate(Gaussians(4), [4.0, 0.25])
    a, b = one.unpack_results(one.run()), two.unpack_results(two.run())
    for c in (0.25, 4.0):
        np.testing.assert_array_equal(a[c], b[c])


@dataclasses.dataclass(frozen=True)
class Counted(Gaussians):
    """Writes a line for every experiment that is evaluated."""

    file: str = dataclasses.field(default="", metadata={"identity": False})

    def draw(self, index: int) -> Any:
        with Path(self.file).open("a") as file:
            file.write(f"{index}\n")
        return super().draw(index)


def test_more_c_and_more_experiments_evaluate_only_what_is_new(tmp_path: Path) -> None:
    """With a store, added c cost no experiment, and added experiments are the only ones evaluated."""
    log = tmp_path / "log"
    for N, c_list, total in ((5, C, 5), (5, [*C, 8.0], 5), (8, C, 8)):
        task = calibrate(Counted(N, file=str(log)), c_list, store=tmp_path / "store.db")
        assert len(task.run().Bepis) == N
        assert len(log.read_text().split()) == total


def test_a_failing_experiment_is_reported_and_the_others_stay() -> None:
    """The B_EMD of a failed experiment are NaN; the others are as if it had not been there."""
    task = calibrate(Gaussians(5, failing=frozenset({2})))
    with pytest.warns(UserWarning, match="1 of 5 experiments failed and are left out; that is more than 1 %"):
        out = task.run()
    assert task.learner.failed_points == {("new", 2)}
    assert np.isnan(out.Bemd[6:9]).all()
    whole = calibrate(Gaussians(5)).run()
    assert out.Bemd[:6] + out.Bemd[9:] == whole.Bemd[:6] + whole.Bemd[9:]


def test_labels_that_cannot_be_decided_are_no_truth() -> None:
    """Two candidates that are one model: B_EMD is NaN, so that no curve counts a made-up label, and it is told."""
    twins = [dataclasses.replace(e, QB=e.QA, candidateB=e.candidateA) if k == 1 else e
             for k, e in enumerate(Gaussians(4))]  # fmt: skip
    task = calibrate(twins)
    with pytest.warns(UserWarning, match="1 of 4 labels are undecided and left out"):
        out = task.run()
    assert np.isnan(out.Bemd[3:6]).all()
    assert not np.isnan(out.Bemd[:3] + out.Bemd[6:]).any()
    assert not task.learner.failed_points


@dataclasses.dataclass(frozen=True)
class OnlyIterates:
    """A user's own distribution: no base class, but it iterates and has a length."""

    N: int

    def __iter__(self) -> Iterator[Any]:
        return iter(Gaussians(self.N))

    def __len__(self) -> int:
        return self.N


def test_any_sized_iterable_of_experiments() -> None:
    """Frozen dataclasses that iterate, and plain lists, are taken."""
    whole = calibrate(Gaussians(3)).run()
    assert calibrate(OnlyIterates(3)).run() == whole
    assert calibrate(list(Gaussians(3))).run() == whole


def test_refusals() -> None:
    """An endless distribution and an output of another task are refused in words."""
    with pytest.raises(TypeError, match="should have a length"):
        calibrate(Gaussians(math.inf))
    with pytest.raises(ValueError, match=r"3 c × 2 experiments = 6 values.*got 5"):
        calibrate(Gaussians(2)).unpack_results(CalibrateOutput([0.5] * 5, [True, False]))
    with pytest.raises(ValueError, match=r"\(0, inf\)"):
        calibrate(Gaussians(2), [-1.0])
