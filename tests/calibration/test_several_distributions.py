"""Several epistemic distributions, one c: acceptable in each, with experiments for the one that limits."""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np
import pytest
from scipy.special import expit

from adaptive_calib.calibration import CalibrationLearner, EvaluateExperiment, SeveralDistributions, summarise
from adaptive_calib.calibration.slope import Status
from adaptive_calib.tasks import Calibrate
from tests.calibration.test_learner import FAST, outcome, run
from tests.calibration.worlds import Gaussians


class Known(EvaluateExperiment):
    """Slopes of two distributions: the even experiments are those of the first one."""

    slopes: Any

    @classmethod
    def of(cls, function: EvaluateExperiment, slopes: Any) -> Known:
        other = object.__new__(cls)
        other.__dict__.update(function.__dict__, slopes=slopes)
        return other

    def bemd(self, index: int, quantiles: Any, deltas: Any, c: Any) -> Any:
        rng = np.random.default_rng(index)
        t = 3.0 * (1 if index % 4 < 2 else -1) + math.sqrt(6.0) * rng.normal()
        kappa = np.array([self.slopes[index % 2](math.log2(x)) for x in c])
        return expit(t / kappa), np.full(len(c), 0.01)

    def __call__(self, point: Any) -> dict[str, Any]:
        index, nothing = point[1], np.zeros((2, 3))
        bemd, stderr = self.bemd(index, nothing, nothing, self.c_list)
        a_wins = index % 4 < 2
        return {
            "index": index, "quantiles": nothing, "deltas": nothing, "n": 10_000,
            "total": -10_000.0 if a_wins else 10_000.0, "squares": 20_000.0, "bepis": a_wins,
            "c": list(self.c_list), "bemd": bemd.tolist(), "stderr": stderr.tolist(), "seconds": 0.0,
        }  # fmt: skip


def learner(first: Any, second: Any, N: int = 1500, **options: Any) -> CalibrationLearner:
    distributions = {"first": Gaussians(N), "second": Gaussians(N, entropy=2)}
    one = CalibrationLearner(distributions, Ldata=10, Linf=10_000, name="two", **options)
    one.function = Known.of(one.function, (first, second))
    return one


def test_the_recommended_c_is_acceptable_in_each() -> None:
    """With lower ends at 2^-5 and 2^-1 the recommended c is above the larger one."""
    one = run(learner(lambda x: 1.6 if x > -5 else 0.5, lambda x: 1.6 if x > -1 else 0.5))
    c = one.recommended_c()
    assert c is not None
    assert -1 < math.log2(c) <= 0
    assert one.judgement is not None
    first, second = one.judgement.parts
    at = int(np.searchsorted(one.judgement.log2c, -4.0))
    assert first.verdicts.status[at] == Status.ACCEPTABLE
    assert second.verdicts.status[at] == Status.NOT_ACCEPTABLE
    assert one.judgement.status[at] == Status.NOT_ACCEPTABLE
    assert one.n_experiments < one.judgement.n  # those that were not wanted are not counted
    assert f"after {one.n_experiments} experiments" in one.stopped_because()


def test_experiments_go_to_the_one_that_limits() -> None:
    """A distribution that is decided gets no more experiments while the other one needs them."""
    one = run(learner(lambda x: 2.5 if x > -5 else 0.4, lambda x: 1.05 if x > -1 else 0.7, N=1000))
    counts = [sum(not math.isnan(label) for label in one.column(1.0, name)[1]) for name in one.distributions]
    assert counts[1] > 1.2 * counts[0]
    assert one.n_experiments == sum(counts)


def test_where_one_would_reject_the_other_gets_no_more() -> None:
    """A c that only one distribution seems to reject needs no experiments of the others: its rejection is enough."""
    one = run(learner(lambda x: 1.6 if x > -1 else 1.0, lambda x: 1.6 if x > -1 else 0.8, N=700, band=None))
    counts = [sum(not math.isnan(label) for label in one.column(1.0, name)[1]) for name in one.distributions]
    assert one.judgement is not None
    first, second = one.judgement.parts
    below = one.judgement.log2c < -1
    assert np.any((first.verdicts.status == Status.UNDECIDED) & below)
    assert np.any((second.verdicts.status == Status.UNDECIDED) & below)
    assert counts[0] < 0.9 * counts[1]
    needed = next(n for n in one.judgement.experiments_needed.values() if math.isfinite(n))
    words = re.search(r"at about (\d+) of each distribution", one.stopped_because())
    assert words is not None
    assert abs(float(words[1]) - needed / 2) <= 0.06 * needed  # two digits


def test_the_outcome_does_not_depend_on_workers_or_order() -> None:
    """Experiments that were evaluated but not wanted any more change nothing."""
    slopes = (lambda x: 2.5 if x > -5 else 0.4, lambda x: 1.05 if x > -1 else 0.7)
    one, other = run(learner(*slopes, N=600)), run(learner(*slopes, N=600), workers=13, seed=3)
    assert outcome(one) == outcome(other)
    assert one.n_experiments == other.n_experiments


def test_tables_of_each_distribution() -> None:
    """Columns and tables can be had for one of the distributions."""
    dist = [Gaussians(20), Gaussians(20, entropy=2)]
    one = CalibrationLearner(dist, Ldata=32, Linf=256, res=4, sampling=FAST, c_list=[1.0, 4.0])
    run(one)
    assert one.distributions == ("Gaussians 0", "Gaussians 1")
    alone = CalibrationLearner(Gaussians(20, entropy=2), Ldata=32, Linf=256, res=4, sampling=FAST, c_list=[1.0, 4.0])
    run(alone)
    np.testing.assert_array_equal(one.column(1.0, "Gaussians 1")[1], alone.column(1.0)[1])
    assert sum(len(one.table(name)[1.0]) for name in one.distributions) == len(one.table()[1.0])
    assert one.n_experiments == 40
    assert [row.n for row in summarise(one)] == [40, 40]
    with pytest.raises(ValueError, match="distribution"):
        one.column(1.0, "third")


def test_calibrate_takes_several() -> None:
    """The familiar task evaluates the experiments of all distributions in turn."""
    task = Calibrate(c_list=[1.0], experiments=[Gaussians(6), Gaussians(9, entropy=2)], Ldata=32, Linf=256)
    assert len(task.unpack_results(task.run())[1.0]) == 12


def test_several_distributions_in_turn() -> None:
    """Experiment i is number i // k of distribution i % k; none at all is refused."""
    both = SeveralDistributions.of({"a": Gaussians(5), "b": Gaussians(3, entropy=2)})
    order = [both[i].data_model(3).tolist() for i in range(6)]
    assert order[3] == Gaussians(3, entropy=2)[1].data_model(3).tolist()
    assert len(both) == 6
    with pytest.raises(ValueError, match="at least one"):
        SeveralDistributions.of({})
