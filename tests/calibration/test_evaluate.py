"""One experiment in, one record out, and the same record whoever asks."""

from __future__ import annotations

import dataclasses
import pickle
from typing import Any

import numpy as np
import pytest

from adaptive_calib.calibration import EvaluateExperiment, Experiment, ExperimentError, Sampling, SequentialLabel
from adaptive_calib.calibration.evaluate import Record, check_c
from adaptive_calib.calibration.labels import FixedLabel, PairedSums
from adaptive_calib.emd import make_empirical_risk_ppf
from tests.calibration.worlds import Gaussians, Iterated

FAST = Sampling(M=8, max_M=8, resample_ends=4)


def evaluate(experiments: Any = None, **changes: Any) -> EvaluateExperiment:
    given: dict[str, Any] = {"Ldata": 64, "labels": FixedLabel(256), "res": 4, "sampling": FAST, "c_list": (0.5, 2.0)}
    return EvaluateExperiment(Gaussians(10) if experiments is None else experiments, **{**given, **changes})


def same(a: dict[str, Any], b: dict[str, Any]) -> None:
    for key in set(a) | set(b):
        if key != "seconds":
            np.testing.assert_array_equal(a[key], b[key], err_msg=key)


def test_the_record_of_an_experiment() -> None:
    """Quantile functions and discrepancies are those of the losses; the label is the sign of the paired mean."""
    experiment = Gaussians(10)[3]
    record = Record.from_plain(evaluate()(("new", 3)))
    data = experiment.data_model(64)
    phi = np.linspace(0, 1, 17)
    for k, (Q, candidate) in enumerate(
        ((experiment.QA, experiment.candidateA), (experiment.QB, experiment.candidateB))
    ):
        mixed = make_empirical_risk_ppf(Q(data))(phi)
        np.testing.assert_allclose(record.quantiles[k], mixed)
        np.testing.assert_allclose(record.deltas[k], np.abs(mixed - make_empirical_risk_ppf(Q(candidate(data)))(phi)))
    infinite = experiment.data_model(256)
    assert record.bepis == (experiment.QA(infinite).mean() < experiment.QB(infinite).mean())
    assert record.sums.n == 256
    assert set(record.bemd) == {0.5, 2.0}
    assert all(0 <= b <= 1 for b in record.bemd.values())


def test_the_record_is_the_same_again_in_another_order_and_after_a_pickle() -> None:
    """Retry, order and process change nothing, bit for bit."""
    function = evaluate()
    first = [function(("new", i)) for i in range(4)]
    other = pickle.loads(pickle.dumps(function))
    for i in (3, 1, 0, 2):
        same(other(("new", i)), first[i])


def test_stateful_candidates_give_the_same_record_whatever_came_before() -> None:
    """A generator inside a candidate is fresh for every evaluation."""
    function = evaluate(Iterated(6))
    late = function(("new", 5))
    same(evaluate(Iterated(6))(("new", 5)), late)
    same(function(("new", 5)), late)


def test_bemd_is_the_same_number_at_once_and_later_alone_and_among_others() -> None:
    """B_EMD(i, c) depends on i and c only, bit for bit."""
    function = evaluate(c_list=(0.25, 0.5, 1.0, 2.0))
    record = Record.from_plain(function(("new", 2)))
    for c in (2.0, 0.25):
        alone, _ = function.bemd(2, record.quantiles, record.deltas, [c])
        assert alone[0] == record.bemd[c]
    few = Record.from_plain(evaluate(c_list=(1.0,))(("new", 2)))
    assert few.bemd[1.0] == record.bemd[1.0]


def test_blocks_of_infinite_data() -> None:
    """With blocks a sequential label uses just enough; "more" goes on where it stopped."""
    rule = SequentialLabel(512, Linf_max=4096, alpha=0.01)
    function = evaluate(Gaussians(40, blocks=True), labels=rule)
    sizes = {Record.from_plain(function(("new", i))).sums.n for i in range(20)}
    assert sizes <= {128, 256, 512}
    assert len(sizes) > 1
    more = function(("more", 4, 512, 1024))
    experiment = Gaussians(40, blocks=True)[4]
    assert experiment.data_block is not None
    block = experiment.data_block(512, 1024)
    expected = PairedSums.of(experiment.QA(block) - experiment.QB(block))
    assert (more["n0"], more["n1"], more["n"]) == (512, 1024, 512)
    assert more["total"] == pytest.approx(expected.total)


def test_without_blocks_larger_samples_replace_smaller_ones() -> None:
    """An experiment without blocks is looked at in whole samples of the data model."""
    more = evaluate(labels=SequentialLabel(256, Linf_max=1024))(("more", 1, 256, 512))
    assert (more["n0"], more["n"]) == (0, 512)


@dataclasses.dataclass(frozen=True)
class Broken:
    """A data model, candidate or loss that does the wrong thing."""

    what: str

    def __call__(self, x: Any) -> Any:
        size = x if isinstance(x, int) else len(x)
        if self.what == "raises":
            raise RuntimeError("the candidate is ill")
        return np.zeros(size - 1) if self.what == "short" else np.full(size, np.nan)


@pytest.mark.parametrize(
    ("part", "what", "words"),
    [
        ("data_model", "short", r"experiment 0: QA\(data\) should be the losses of 64 points.*shape \(63,\)"),
        ("candidateA", "short", r"QA\(candidateA\(data\)\) should be the losses of 64 points"),
        ("QB", "nan", r"QB\(data\) should be finite, but 64 of 64"),
    ],
)
def test_experiments_that_do_not_do_what_is_expected(part: str, what: str, words: str) -> None:
    """The message names the experiment, the part, what was expected and what came."""
    good = Gaussians(1)[0]
    assert isinstance(good, Experiment)
    with pytest.raises(ExperimentError, match=words):
        evaluate([dataclasses.replace(good, **{part: Broken(what)})], name="x")(("new", 0))


def test_a_candidate_that_raises_and_an_experiment_that_is_none() -> None:
    """The candidate's own error comes out as it is; what lacks the attributes is told so."""
    good = Gaussians(1)[0]
    assert isinstance(good, Experiment)
    with pytest.raises(RuntimeError, match="the candidate is ill"):
        evaluate([dataclasses.replace(good, candidateB=Broken("raises"))], name="x")(("new", 0))
    with pytest.raises(ExperimentError, match="float lacks data_model"):
        evaluate([1.5], name="x")(("new", 0))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"Ldata": 1}, "Ldata"),
        ({"res": 0}, "res"),
        ({"c_list": (0.0,)}, r"\(0, inf\)"),
        ({"c_list": (-1.0,)}, r"\(0, inf\)"),
        ({"c_list": (float("nan"),)}, r"\(0, inf\)"),
        ({"c_list": (1.0, 1.0)}, "once"),
    ],
)
def test_refused_arguments(changes: dict[str, Any], words: str) -> None:
    """Impossible arguments are refused before any work."""
    with pytest.raises(ValueError, match=words):
        evaluate(**changes)


def test_identity_leaves_out_how_many_there_are_and_which_c() -> None:
    """More experiments or other c are the same space; another parameter is another one."""
    assert evaluate(Gaussians(10)).source == evaluate(Gaussians(99), c_list=(7.0,)).source
    assert evaluate(Gaussians(10, spread=0.1)).source != evaluate(Gaussians(10)).source
    with pytest.raises(TypeError, match="no identity"):
        evaluate([1, 2])


def test_unknown_points_and_odd_records_are_refused() -> None:
    """A point or record of another kind is named."""
    with pytest.raises(ValueError, match="a point is"):
        evaluate()(("old", 1))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="expected the record"):
        Record.from_plain({"index": 1})
    odd = evaluate()(("new", 0))
    odd["deltas"] = odd["deltas"][:, :3]
    with pytest.raises(ValueError, match=r"shape \(2, points\)"):
        Record.from_plain(odd)
    assert check_c([1, 2.5]) == (1.0, 2.5)
