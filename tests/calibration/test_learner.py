"""The calibration learner decides on the contiguous prefix, and on nothing else."""

from __future__ import annotations

import math
import pickle
import random
from typing import Any

import numpy as np
import pytest

from adaptive_calib.calibration import CalibrationLearner, Sampling, SequentialLabel, summarise
from adaptive_calib.engine.goal_shares import size_of
from adaptive_calib.examples.blackbody.distributions import Infrared
from adaptive_calib.runner import simple
from tests.calibration.worlds import Gaussians

FAST = Sampling(M=8, max_M=8, resample_ends=4)


def learner(N: float = 96, **changes: Any) -> CalibrationLearner:
    given: dict[str, Any] = {
        "Ldata": 64, "Linf": 256, "res": 4, "sampling": FAST, "c_bounds": (2.0**-6, 2.0**4), "c_tol": 2.0, "band": 0.3
    }  # fmt: skip
    if "labels" in changes:
        del given["Linf"]
    experiments = changes.pop("experiments", Gaussians(N))
    return CalibrationLearner(experiments, **{**given, **changes})


def run(one: CalibrationLearner, workers: int = 1, seed: int | None = None) -> CalibrationLearner:
    """Run to the end with so many workers that finish in a random order."""
    rng, out = random.Random(seed), []
    while True:
        out += one.ask(workers - len(out))[0]
        if not out:
            return one
        point = out.pop(rng.randrange(len(out)) if seed is not None else 0)
        try:
            value = one.function(point)
        except RuntimeError:
            one.tell_failed(point)
        else:
            one.tell(point, value)


def test_points_that_an_experiment_needs_beside_its_own_are_part_of_the_whole() -> None:
    """Every point that is evaluated is counted in the total of a progress bar, which is full at the end only."""
    one = learner(12, labels=SequentialLabel(256, Linf_max=2048))
    left = []
    while points := one.ask(1)[0]:
        total = size_of(one)
        assert total is not None
        left.append(total - one.npoints)
        one.tell(points[0], one.function(points[0]))
    assert one.npoints == size_of(one) > one.size
    assert min(left) >= 1


def outcome(one: CalibrationLearner) -> Any:
    return [(row.c, row.n, row.slope, row.ece, row.status) for row in summarise(one)], one.recommended_c()


@pytest.fixture(scope="module")
def finished() -> CalibrationLearner:
    return run(learner())


def test_new_experiments_come_in_order_and_never_twice() -> None:
    """An ask gives the next indices, whether or not results have come; a dry ask changes nothing."""
    one = learner(5)
    assert one.ask(2, tell_pending=False)[0] == one.ask(2)[0] == [("new", 0), ("new", 1)]
    assert one.ask(9)[0] == [("new", 2), ("new", 3), ("new", 4)]
    assert one.ask(3) == ([], [])
    assert one.ask(0) == ([], [])
    one.remove_unfinished()
    assert one.ask(2)[0] == [("new", 0), ("new", 1)]


@pytest.mark.parametrize("workers", [4, 12])
def test_the_outcome_does_not_depend_on_workers_or_order(finished: CalibrationLearner, workers: int) -> None:
    """Any number of workers, any order of completion: the same table, the same c, bit for bit."""
    assert outcome(run(learner(), workers, seed=workers)) == outcome(finished)


def test_what_comes_early_waits() -> None:
    """Decisions use the contiguous prefix: an experiment that is missing holds everything up."""
    one = learner(64)
    values = {i: one.function(("new", i)) for i in range(40)}
    for i in range(1, 40):
        one.tell(("new", i), values[i])
    assert (one.n_experiments, one.npoints, one.judgement) == (0, 39, None)
    assert math.isinf(one.loss())
    one.tell(("new", 0), values[0])
    assert one.n_experiments == 40
    assert one.judgement is not None
    assert one.judgement.n == 32


def test_telling_twice_changes_nothing() -> None:
    """A known point is not counted again, even with another value."""
    one = learner()
    value = one.function(("new", 0))
    one.tell(("new", 0), value)
    one.tell(("new", 0), one.function(("new", 0)))
    assert (one.npoints, one.n_experiments) == (1, 1)
    assert one.data["new", 0] is value


def test_failed_experiments_count_as_there_but_empty() -> None:
    """A failed experiment does not hold up the prefix, is never asked again and is in no curve."""
    failing = frozenset({1, 5})
    one = run(learner(40, experiments=Gaussians(40, failing=failing)))
    assert one.n_experiments == 40
    assert one.failed_points == {("new", 1), ("new", 5)}
    assert {row.n for row in summarise(one)} == {38}
    assert all(len(table) == 38 for table in one.table().values())
    assert one.done()


def test_a_failure_that_is_repaired_is_as_if_it_had_not_been() -> None:
    """A value told for a failed point takes the failure back, decisions included."""
    one = run(learner(48, experiments=Gaussians(48, failing=frozenset({7}))))
    one.tell(("new", 7), learner().function(("new", 7)))
    assert outcome(one) == outcome(run(learner(48)))


def test_more_infinite_data_for_unsettled_labels() -> None:
    """Blocks are asked for before new experiments; the experiment waits for them; its label is that of all blocks."""
    rule = SequentialLabel(128, Linf_max=2048, alpha=0.01, first=128, audit=0.0)
    one = run(learner(experiments=Gaussians(40, blocks=True), labels=rule), workers=3, seed=2)
    blocks = [p for p in one.data if p[0] == "more"]
    assert blocks
    assert one.n_experiments == 40
    whole = learner(
        experiments=Gaussians(40, blocks=True), labels=SequentialLabel(2048, alpha=0.01, first=128, audit=0.0)
    )
    np.testing.assert_array_equal(run(whole).column(1.0)[1], one.column(1.0)[1])


def test_unsettled_labels_are_undecided_and_told() -> None:
    """Two candidates that are one model: no label, no c accepted, and the summary says so."""
    import dataclasses

    twins = [dataclasses.replace(e, QB=e.QA, candidateB=e.candidateA) for e in Gaussians(36)]
    one = run(learner(experiments=twins, name="twins"))
    assert one.judgement is not None
    assert one.judgement.undecided == 36
    assert one.recommended_c() is None
    assert "undecided labels" in one.stopped_because()


def test_one_class_only_decides_nothing() -> None:
    """If the same candidate always wins, no c is called acceptable."""
    always = [e for e in Gaussians(200) if e.QA(e.data_model(256)).mean() < e.QB(e.data_model(256)).mean()][:40]
    one = run(learner(experiments=always, name="always A"))
    assert one.acceptable_interval().state == "undecided"


def test_tolerances_met_stop_the_asking_and_later_results_change_nothing() -> None:
    """Once all tolerances are met nothing more is asked, and what was under way is kept but not counted."""
    one = run(learner(600, c_tol=4.0, band=0.5), workers=8, seed=1)
    assert one.loss() <= 1
    assert one.done()
    assert "all tolerances are met" in one.stopped_because()
    before = outcome(one)
    one.tell(("new", 599), one.function(("new", 599)))
    assert outcome(one) == before


def test_any_c_can_be_added_later(finished: CalibrationLearner) -> None:
    """A c added after the run has the same numbers as one that was there from the start."""
    late = pickle.loads(pickle.dumps(finished))
    late.add_c([0.3, 5.0])
    early = run(learner(c_list=[0.3, 1.0, 5.0]))
    for c in (0.3, 5.0):
        np.testing.assert_array_equal(late.column(c)[0], early.column(c)[0])


def test_a_fixed_grid_runs_all_experiments() -> None:
    """With c_list nothing is adapted: all experiments, just these c, and the loss is 0 at the end."""
    one = learner(20, c_list=[1.0, 0.25])
    assert one.loss() == 2.0
    run(one)
    assert one.c_list == (0.25, 1.0)
    assert one.loss() == 0.0
    table = one.table()
    assert list(table) == [0.25, 1.0]
    assert table[1.0].dtype.names == ("Bemd", "Bepis")
    assert len(table[1.0]) == 20


def test_pickle_copy_and_new(finished: CalibrationLearner) -> None:
    """Copies know the same and ask the same; nothing is shared."""
    one = learner(40)
    for point in one.ask(3)[0][:2]:
        one.tell(point, one.function(point))
    for other in (pickle.loads(pickle.dumps(one)), one.new()):
        if other.npoints == 0:
            other.copy_from(one)
            other.tell_pending(("new", 2))
        assert other.ask(3, tell_pending=False) == one.ask(3, tell_pending=False)
        other.tell(("new", 3), one.function(("new", 3)))
        assert ("new", 3) not in one.data


def test_saved_and_loaded(finished: CalibrationLearner, tmp_path: Any) -> None:
    """A saved learner comes back with the same outcome."""
    finished.save(tmp_path / "c.pickle")
    other = learner()
    other.load(tmp_path / "c.pickle")
    assert outcome(other) == outcome(finished)


def test_a_missing_file_is_no_data_and_a_damaged_one_an_error(finished: CalibrationLearner, tmp_path: Any) -> None:
    """A damaged file is named, changes nothing, and stays as it is."""
    path = tmp_path / "c.pickle"
    other = learner()
    other.load(path)
    assert other.npoints == 0
    finished.save(path)
    whole = path.read_bytes()
    for content in (b"", b"rubbish", whole[:-20]):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r"c\.pickle"):
            other.load(path)
        assert other.npoints == 0
        assert path.read_bytes() == content


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"labels": SequentialLabel(256), "Linf": 3}, ValueError, "only one"),
        ({"c_tol": 0.0}, ValueError, "c_tol"),
        ({"band": -1.0}, ValueError, "band"),
        ({"c_bounds": (0.0, 1.0)}, ValueError, r"\(0, inf\)"),
        ({"c_list": [1.0, -2.0]}, ValueError, r"\(0, inf\)"),
    ],
)
def test_refused_arguments(changes: dict[str, Any], error: type[Exception], words: str) -> None:
    """Impossible tolerances are refused before any work."""
    with pytest.raises(error, match=words):
        learner(**changes)


def test_refused_points_and_records() -> None:
    """Odd points and records are refused and leave the learner as it was."""
    one = learner()
    with pytest.raises(ValueError, match="a point of a calibration is"):
        one.tell(("old", 1), {})  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="expected the record"):
        one.tell(("new", 1), {"index": 1})
    with pytest.raises(ValueError, match="should have index 1"):
        one.tell(("new", 1), one.function(("new", 0)))
    assert (one.npoints, one.pending_points) == (0, set())


def test_a_new_learner_shares_nothing_that_changes() -> None:
    """Its latest loss is that of a fresh one, and asking it changes nothing of the old one."""
    old = CalibrationLearner(Infrared(N=4), Ldata=64, Linf=256, c_list=[1.0])
    simple(old)
    loss, new = old.loss(), old.new()
    assert new.latest_loss is None
    new.loss()
    assert old.latest_loss == loss
