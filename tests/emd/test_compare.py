from __future__ import annotations

import logging
import sys

import numpy as np
import pytest

from adaptive_calib.emd import (
    Bemd,
    PathLaw,
    bemd_curve,
    compare_matrix,
    compare_risks,
    draw_R_samples,
    make_empirical_risk_ppf,
    seed_for_c,
)
from tests.emd.data import arrays, ppfs

C = (1 / 16, 1.0, 16.0)
#: Bemd of the right limits at c = 1/16, 1, 16, mean of 20 estimates with M = 2000, K = 50; and its uncertainty.
RIGHT = {
    ("D", 6): (0.5364, 0.5085, 0.5010, 0.0003),
    ("D", 8): (0.5349, 0.5088, 0.5005, 0.0003),
    ("G", 6): (0.0853, 0.2081, 0.0920, 0.0006),
    ("G", 8): (0.1027, 0.2104, 0.0902, 0.0006),
}
SEED = np.random.SeedSequence(99)


def _laws(example: str, res: int, c: float, shift: float = 0.0) -> tuple[PathLaw, PathLaw]:
    pairs = (arrays(example + model, res) for model in "AB")
    law_a, law_b = (PathLaw.solve(quantiles + shift, deltas, c) for quantiles, deltas in pairs)
    return law_a, law_b


def _curve(example: str, c: np.ndarray, seeds: list[np.random.SeedSequence], **options: object) -> np.ndarray:
    return np.array(bemd_curve(*arrays(example + "A"), *arrays(example + "B"), c, seeds, **options))


@pytest.mark.parametrize(("example", "res"), RIGHT)
def test_criterion_has_its_reference_values(example: str, res: int) -> None:
    """Few paths with resampled ends, and many, give the reference values within 4 standard errors."""
    *expected, uncertainty = RIGHT[example, res]
    for c, value in zip(C, expected, strict=True):
        for options in ({"M": 32, "max_M": 32}, {"M": 2000, "resample_ends": 50}):
            estimate = compare_risks(*_laws(example, res, c), seed=SEED, stderr_tol=np.inf, **options)
            assert abs(estimate.value - value) < 4 * np.hypot(estimate.stderr, uncertainty)


@pytest.mark.slow
@pytest.mark.parametrize(("example", "res"), RIGHT)
def test_criterion_to_three_digits(example: str, res: int) -> None:
    """The mean of 20 large estimates agrees with the reference within both uncertainties (20 s in all)."""
    *expected, uncertainty = RIGHT[example, res]
    for c, value in zip(C, expected, strict=True):
        laws = _laws(example, res, c)
        values = [compare_risks(*laws, seed=seed, M=2000, resample_ends=50).value for seed in SEED.spawn(20)]
        assert abs(np.mean(values) - value) < 4 * np.hypot(np.std(values) / np.sqrt(20), uncertainty)


@pytest.mark.parametrize(("example", "c"), [("D", 1.0), ("G", 1 / 16), ("G", 1.0)])
@pytest.mark.parametrize(("M", "K"), [(32, 32), (128, 1)])
def test_standard_error_is_the_spread(example: str, c: float, M: int, K: int) -> None:
    """The standard error is within 25 % of the spread of 150 repetitions."""
    laws = _laws(example, 6, c)
    estimates = [
        compare_risks(*laws, seed=seed, M=M, max_M=M, resample_ends=K) for seed in np.random.SeedSequence(3).spawn(150)
    ]
    spread = np.std([e.value for e in estimates], ddof=1)
    stated = np.sqrt(np.mean([e.stderr**2 for e in estimates]))
    assert 0.75 < stated / spread < 1.25


def test_resampled_ends_beat_more_paths() -> None:
    """32 paths with 32 ends each have a standard error at most that of 128 plain paths, for 17 c of both examples."""
    c = 2.0 ** np.arange(-8.0, 9.0)
    seeds = np.random.SeedSequence(1).spawn(17)
    for example in "DG":
        (few_values, few), (_, plain) = (
            _curve(example, c, seeds, M=M, max_M=M, resample_ends=K) for M, K in ((32, 32), (128, 1))
        )
        inside = (few_values > 0.01) & (few_values < 0.99)
        assert inside.sum() >= 14
        assert np.median((few / plain)[inside]) < 0.9


def test_resampling_keeps_the_law_of_the_risk() -> None:
    """Each risk with resampled ends has the mean and variance of a plain one."""
    law = PathLaw.solve(*arrays("GA", 6), 1.0)
    rng = np.random.default_rng(5)
    first, width = law.sample_ends((4000, 16), rng)
    risks = first + width * law.sample_normalised(4000, rng)[:, None]
    plain = law.sample_risks(60_000, rng)
    assert abs(risks.mean() - plain.mean()) < 4 * plain.std() * np.sqrt(1 / 4000 + 1 / 60_000)
    assert risks.var() == pytest.approx(plain.var(), rel=0.05)


def test_one_c_is_the_same_alone_and_among_others() -> None:
    """The number for one c is bit for bit the same alone, in any company, and in any order."""
    c = 2.0 ** np.arange(-8.0, 9.0)
    seeds = [seed_for_c(SEED, value) for value in c]
    for example in "DG":
        whole = _curve(example, c, seeds, max_M=64)
        for k in range(c.size):
            np.testing.assert_array_equal(_curve(example, c[k : k + 1], seeds[k : k + 1], max_M=64)[:, 0], whole[:, k])
        some = np.array([12, 3, 5])
        np.testing.assert_array_equal(_curve(example, c[some], [seeds[k] for k in some], max_M=64), whole[:, some])


def test_two_models_solved_apart_give_the_same() -> None:
    """The criterion of laws that were solved one by one is that of the curve."""
    c = np.array(C)
    seeds = [seed_for_c(SEED, value) for value in c]
    curve = _curve("G", c, seeds)
    for k in range(3):
        estimate = compare_risks(*_laws("G", 8, C[k]), seed=seeds[k])
        assert (estimate.value, estimate.stderr) == tuple(curve[:, k])


def test_models_on_different_grids() -> None:
    """Two models may have different resolutions."""
    estimate = bemd_curve(*arrays("DA", 6), *arrays("DB", 8), [1.0], [SEED])
    assert abs(estimate[0][0] - 0.5) < 0.1


def test_seed_is_left_alone() -> None:
    """The seed fixes the number and is not changed; other seeds, and seeds of other c, give others."""
    laws = _laws("D", 6, 1.0)
    seed = np.random.SeedSequence(5, spawn_key=(3,))
    one = compare_risks(*laws, seed=seed)
    assert compare_risks(*laws, seed=seed) == one
    assert seed.n_children_spawned == 0
    assert seed.spawn(1)[0].spawn_key == (3, 0)
    assert compare_risks(*laws, seed=np.random.SeedSequence(5, spawn_key=(4,))) != one
    assert seed_for_c(seed, 0.0).spawn_key == seed_for_c(seed, -0.0).spawn_key
    assert seed_for_c(seed, 1.0).spawn_key != seed_for_c(seed, 2.0).spawn_key


def test_growing_keeps_what_was_drawn() -> None:
    """M grown from 32 to 128 gives what 128 at once give."""
    laws = _laws("G", 6, 1.0)
    grown = compare_risks(*laws, seed=SEED, M=32, max_M=128, stderr_tol=1e-9)
    at_once = compare_risks(*laws, seed=SEED, M=128, max_M=128)
    assert grown == at_once
    assert (grown.M_a, grown.M_b, grown.pairs) == (128, 128, (128 * 32) ** 2)


def test_growth_stops_at_the_tolerance() -> None:
    """M is doubled at most until the standard error is small enough, and not beyond max_M; M itself is always drawn."""
    laws = _laws("G", 6, 1.0)
    loose, fine, capped, large = (
        compare_risks(*laws, seed=SEED, **options)
        for options in ({"stderr_tol": 0.1}, {}, {"max_M": 50}, {"M": 64, "max_M": 8})
    )
    assert loose.M_a == 32
    assert fine.stderr <= 0.01
    assert 64 < fine.M_a < 1024
    assert capped.M_a == 50
    assert large.M_a == 64


def test_a_model_against_itself() -> None:
    """The two models have streams of their own: a model against itself gives about 1/2."""
    law = PathLaw.solve(*arrays("DA", 6), 1.0)
    estimate = compare_risks(law, law, seed=SEED)
    assert 0 < abs(estimate.value - 0.5) < 4 * estimate.stderr


@pytest.mark.parametrize("c", [1e-12, 1.0, 1e12])
def test_identical_models_without_discrepancy_are_tied(c: float) -> None:
    """Rounding does not decide between equal risks: 0, as for any tie, at every c and seed, and both ways."""
    rng = np.random.default_rng(5)
    for scale in (1.0, 1e-6, 1e6):
        risk = make_empirical_risk_ppf(scale * rng.normal(size=500))
        values = [float(Bemd(risk, risk, risk, risk, c, res=8, rng=seed)) for seed in range(3)]
        assert values == [0.0, 0.0, 0.0]


def test_ties_and_certainty() -> None:
    """Equal constants never win; certain wins have the floor of the standard error; smoothing stays inside (0, 1)."""
    low, high = (PathLaw.solve(np.full(9, value), np.zeros(9), 1.0) for value in (1.0, 2.0))
    tie, win = (compare_risks(a, b, seed=SEED, M=32, max_M=32) for a, b in ((low, low), (low, high)))
    assert (tie.value, win.value) == (0.0, 1.0)
    assert tie.stderr == win.stderr == 1 / 64
    assert 0 < tie.smoothed < 1e-6
    assert 1 - 1e-6 < win.smoothed < 1
    assert compare_risks(low, high, seed=SEED, M=1, max_M=1).stderr == 0.5


def test_small_c_compares_the_integrals() -> None:
    """As c → 0 the criterion tends to 0 or 1 by the integrals of q*, and at c = 0 it is the comparison itself."""
    for c in (0.0, 1e-12):
        laws = _laws("D", 8, c)
        assert laws[0].weights @ laws[0].quantiles < laws[1].weights @ laws[1].quantiles
        assert compare_risks(*laws, seed=SEED).value == 1.0
        assert compare_risks(*laws[::-1], seed=SEED).value == 0.0


def test_a_constant_in_both_losses_changes_nothing() -> None:
    """With a constant added to both losses the criterion and its number of paths stay, for the same seed."""
    one, other = (compare_risks(*_laws("G", 6, 1.0, shift), seed=SEED) for shift in (0.0, 8.0))
    assert one.M_a == other.M_a
    assert one.value == pytest.approx(other.value, abs=1e-6)


def test_relative_error_rule_depends_on_the_constant() -> None:
    """Emdcmp's rule takes another number of paths when a constant is added to the loss."""
    mixed, synthetic = ppfs("GA")
    used = [
        draw_R_samples(lambda p, k=k: mixed(p) + k, lambda p, k=k: synthetic(p) + k, 1.0, res=6, rng=5).size
        for k in (-2.0, 0.0, 10.0)
    ]
    assert used[0] == 1024
    assert 180 < used[1] < 320
    assert used[2] == 128


def test_draws_of_risks() -> None:
    """The same seed gives the same risks, a generator moves on, and more paths keep the first ones."""
    mixed, synthetic = ppfs("GA")
    one = draw_R_samples(mixed, synthetic, 1.0, M=64, max_M=64, rng=3)
    np.testing.assert_array_equal(one, draw_R_samples(mixed, synthetic, 1.0, M=64, max_M=64, rng=3))
    np.testing.assert_array_equal(
        one, draw_R_samples(mixed, synthetic, 1.0, M=64, max_M=128, relstderr_tol=1e-9, rng=3)[:64]
    )
    rng = np.random.default_rng(3)
    first, second = (draw_R_samples(mixed, synthetic, 1.0, M=64, max_M=64, rng=rng) for _ in range(2))
    np.testing.assert_array_equal(first, one)
    assert (first != second).all()
    unseeded = [draw_R_samples(mixed, synthetic, 1.0)[:64] for _ in range(2)]
    assert (unseeded[0] != unseeded[1]).all()


def test_first_paths_are_not_capped_and_missed_tolerance_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """M paths are drawn even if M > max_M; what was not reached is logged, not printed."""
    mixed, synthetic = ppfs("GA")
    with caplog.at_level(logging.WARNING, "adaptive_calib"):
        assert draw_R_samples(mixed, synthetic, 1.0, M=50, max_M=10, relstderr_tol=1e-9, rng=0).size == 50
        assert draw_R_samples(mixed, synthetic, 1.0, M=50, max_M=60, relstderr_tol=1e-9, rng=0).size == 60
    assert "100 paths would be needed, but max_M is 60" in caplog.text
    assert "after 60 paths, above relstderr_tol" in caplog.text


def test_relative_error_is_printed_when_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is printed but with `print_relstderr`."""
    mixed, synthetic = ppfs("DA")
    draw_R_samples(mixed, synthetic, 1.0, rng=0)
    assert capsys.readouterr().out == ""
    draw_R_samples(mixed, synthetic, 1.0, rng=0, print_relstderr=True)
    assert "after 128 paths" in capsys.readouterr().out


def test_criterion_of_ppfs() -> None:
    """Bemd takes both mixed PPFs first, an array of c gives one value each, the same as one by one."""
    (mixed_a, synth_a), (mixed_b, synth_b) = ppfs("GA"), ppfs("GB")
    quantiles = (mixed_a, mixed_b, synth_a, synth_b)
    values = Bemd(*quantiles, np.array(C), rng=4)
    assert values.shape == (3,)
    assert [Bemd(*quantiles, c, rng=4) for c in C] == values.tolist()
    assert isinstance(Bemd(*quantiles, 1.0, rng=4), float)
    assert Bemd(*quantiles, [[1.0, 2.0]], rng=4).shape == (1, 2)
    np.testing.assert_allclose(values, [0.1027, 0.2104, 0.0902], atol=0.05)
    emdcmps = Bemd(*quantiles, 1.0, relstderr_tol=2**-5, rng=4, M=512)
    assert abs(emdcmps - 0.21) < 0.08


def test_options_of_bemd_reach_the_comparison() -> None:
    """M paths of each model with `resample_ends` pairs of ends make (M · ends)² pairs of risks."""
    (mixed_a, synth_a), (mixed_b, synth_b) = ppfs("DA"), ppfs("DB")
    value = Bemd(mixed_a, mixed_b, synth_a, synth_b, 1.0, rng=4, M=40, max_M=40, resample_ends=3)
    assert value * 120**2 == pytest.approx(round(value * 120**2), abs=1e-9)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"c": -1.0}, "`c` should be finite and at least 0"),
        ({"c": np.nan}, "`c` should be finite and at least 0"),
        ({"res": 0}, "`res` should be between 1 and 24"),
        ({"M": 0}, "`M` should be at least 1 path, but is 0"),
        ({"max_M": 0}, "`max_M` should be at least 1 path, but is 0"),
        ({"relstderr_tol": 0.0}, "`relstderr_tol` should be above 0"),
        ({"relstderr_tol": np.nan}, "`relstderr_tol` should be above 0, but is nan"),
    ],
)
def test_bad_options_are_refused(options: dict[str, float], text: str) -> None:
    """Options out of their range are refused by `draw_R_samples` and `Bemd` alike."""
    mixed, synthetic = ppfs("GA")
    options = {"c": 1.0, **options}
    with pytest.raises(ValueError, match=text):
        draw_R_samples(mixed, synthetic, **options)
    with pytest.raises(ValueError, match=text):
        Bemd(mixed, mixed, synthetic, synthetic, **options)


def test_bad_options_of_the_array_level_are_refused() -> None:
    """A batch in place of a law, no ends, no tolerance, or too few seeds are refused."""
    laws = _laws("D", 6, 1.0)
    with pytest.raises(ValueError, match="`resample_ends` should be at least 1"):
        compare_risks(*laws, seed=SEED, resample_ends=0)
    with pytest.raises(ValueError, match="`stderr_tol` should be above 0"):
        compare_risks(*laws, seed=SEED, stderr_tol=0.0)
    with pytest.raises(ValueError, match="per single law"):
        compare_risks(PathLaw.solve(*arrays("DA", 6), [1.0]), laws[1], seed=SEED)
    with pytest.raises(ValueError, match=r"shape \(2,\) and there are 1 seeds"):
        _curve("D", np.ones(2), [SEED])
    with pytest.raises(ValueError, match=r"`c` of shape \(n_c,\)"):
        _curve("D", np.array(1.0), [SEED])


def test_matrix_of_models() -> None:
    """Rows before columns are P(R_row < R_column) with ties as losses, the mirrored entry is the rest to 1."""
    pytest.importorskip("pandas")
    matrix = compare_matrix({"a": [1.0, 2.0, 3.0], "b": [2.0, 4.0], "c": np.array([0.0])})
    assert list(matrix.index) == list(matrix.columns) == ["a", "b", "c"]
    assert matrix.loc["a", "b"] == pytest.approx(4 / 6)
    assert matrix.loc["b", "a"] == pytest.approx(2 / 6)
    assert matrix.loc["a", "c"] == 0.0
    assert matrix.loc["c", "a"] == 1.0
    assert (np.diag(matrix) == 0.5).all()


def test_matrix_without_pandas(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without pandas the matrix is a dict of columns."""
    monkeypatch.setitem(sys.modules, "pandas", None)
    assert compare_matrix({"a": [1.0, 2.0], "b": [2.0]}) == {"a": {"a": 0.5, "b": 0.5}, "b": {"a": 0.5, "b": 0.5}}


def test_matrix_refuses_what_are_no_samples() -> None:
    """Samples that are empty, NaN or of two dimensions are refused by their model's name."""
    for bad in ([], [np.nan, 1.0], [[1.0]]):
        with pytest.raises(ValueError, match=r"`R_samples\['b'\]` should be a 1-d array of finite risks"):
            compare_matrix({"a": [1.0], "b": bad})
