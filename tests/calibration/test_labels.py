"""Who truly wins is found from as much data as it takes."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from scipy.special import ndtri

from adaptive_calib.calibration.labels import FixedLabel, LabelRule, PairedSums, SequentialLabel


def test_sums_add_up() -> None:
    """Sums of parts are the sums of the whole; mean and standard error are the usual ones."""
    d = np.random.default_rng(0).normal(3, 2, 50)
    whole = PairedSums.of(d[:20]) + PairedSums.of(d[20:])
    assert whole.n == 50
    assert whole.mean == pytest.approx(d.mean())
    assert whole.stderr == pytest.approx(d.std(ddof=1) / math.sqrt(50))
    assert math.isinf(PairedSums.of(d[:1]).stderr)
    assert math.isnan(PairedSums().mean)


def test_fixed_label_is_the_sign_of_the_mean() -> None:
    """A wins if its mean loss is smaller; if every difference is zero nobody does."""
    rule = FixedLabel(100)
    assert list(rule.sizes()) == [100]
    assert rule.label(PairedSums.of(np.array([-1.0, 0.5]))) is True
    assert rule.label(PairedSums.of(np.array([1.0, -0.5]))) is False
    assert rule.label(PairedSums.of(np.zeros(5))) is None
    assert rule.next_size(PairedSums(100)) is None


def test_sequential_sizes_double_to_the_end() -> None:
    """Looks are made at 128, 256, … Linf, and go on to Linf_max for who asks; the first is at Linf/4 by default."""
    assert list(SequentialLabel(12288).sizes()) == [3072, 6144, 12288]
    assert list(SequentialLabel(12288, bound=1.0).sizes())[:2] == [128, 256]
    rule = SequentialLabel(1000, Linf_max=3000, first=128)
    assert list(rule.sizes()) == [128, 256, 512, 1000]
    assert list(rule.sizes(256)) == [512, 1000]
    assert rule.next_size(PairedSums(1000)) == 2000
    assert rule.next_size(PairedSums(2000)) == 3000
    assert rule.next_size(PairedSums(3000)) is None


def test_sequential_label_at_the_edge() -> None:
    """The first look is decided at the two-sided level α/2, a later one at α/(k(k+1))."""
    rule = SequentialLabel(4096, alpha=0.05, first=128)
    for n, look in ((128, 1), (256, 2), (4096, 6)):
        z = -ndtri(0.05 / (look * (look + 1)) / 2)
        base = np.tile([1.0, -1.0], n // 2)
        stderr = PairedSums.of(base).stderr
        assert rule.label(PairedSums.of(base - 0.999 * z * stderr)) is None
        assert rule.label(PairedSums.of(base - 1.001 * z * stderr)) is True
        assert rule.label(PairedSums.of(base + 1.001 * z * stderr)) is False


def test_identical_models_stay_undecided() -> None:
    """Where every difference is zero no amount of data settles who wins."""
    assert SequentialLabel(256).label(PairedSums.of(np.zeros(256))) is None


def test_wrong_signs_are_as_rare_as_stated() -> None:
    """At a true difference of a twentieth of the spread, α at most (plus two standard errors) of labels are wrong."""
    rule, rng, wrong, settled = SequentialLabel(4096, alpha=0.05, first=128), np.random.default_rng(5), 0, 0
    for _ in range(2000):
        d = rng.normal(0.05, 1, 4096)
        for size in rule.sizes():
            label = rule.label(PairedSums.of(d[:size]))
            if label is not None:
                settled += 1
                wrong += label
                break
    assert settled > 200
    assert wrong / settled <= 0.05 + 2 * math.sqrt(0.05 * 0.95 / settled)


def rare(rng: np.random.Generator, n: int) -> np.ndarray:
    """One point of 2000 carries the difference: the mean is positive, most samples say the contrary."""
    return np.where(rng.random(n) < 1 / 2000, 40.0, -0.01)


def settled_wrong(rule: SequentialLabel, draw: Callable[[np.random.Generator, int], np.ndarray], runs: int) -> float:
    """Share of runs in which the label says that A wins, although the mean difference is positive."""
    wrong = 0
    for seed in range(runs):
        d = draw(np.random.default_rng(seed), rule.last)
        labels = (rule.label(PairedSums.of(d[:size])) for size in rule.sizes())
        wrong += next((label for label in labels if label is not None), None) is True
    return wrong / runs


def test_a_bound_keeps_alpha_whatever_the_tails() -> None:
    """With a bound hardly any label is wrong where the central limit theorem gets nearly all of them wrong."""
    assert settled_wrong(SequentialLabel(16384, alpha=0.05, bound=40.0), rare, 200) <= 0.05
    assert settled_wrong(SequentialLabel(16384, alpha=0.05, first=128), rare, 200) > 0.5


def test_a_bound_settles_what_is_clear() -> None:
    """A difference of .3 standard deviations, bounded by 6 of them, is settled from some hundred points."""
    rule = SequentialLabel(8192, bound=6.0)
    sizes = []
    for seed in range(50):
        d = np.clip(np.random.default_rng(seed).normal(-0.3, 1, 8192), -6, 6)
        sizes.append(next(size for size in rule.sizes() if rule.label(PairedSums.of(d[:size])) is True))
    assert np.mean(sizes) < 800


def test_without_a_bound_one_point_settles_nothing() -> None:
    """A sample in which one point has a quarter of the sum of squares stays open."""
    d = np.full(4096, -0.01)
    d[7] = -40.0
    sums = PairedSums.of(d)
    assert sums.rests_on_one_point
    assert SequentialLabel(4096).label(sums) is None


def test_near_ties_get_more_points() -> None:
    """A fixed label with a cap goes on while the mean is within two standard errors of 0, and ends with the sign."""
    rule = FixedLabel(100, cap=350)
    assert list(rule.sizes()) == [100, 200, 350]
    near, clear = np.tile([1.0, -1.02], 50), np.tile([1.0, -3.0], 50)
    assert rule.label(PairedSums.of(near)) is None
    assert rule.label(PairedSums.of(clear)) is True
    assert rule.label(PairedSums.of(np.tile(near, 4))) is True
    assert FixedLabel(100).label(PairedSums.of(near)) is True


def test_audits_are_drawn_by_index() -> None:
    """About the stated share is audited, the same ones each time; none with a bound."""
    rule = SequentialLabel(4096, audit=0.2)
    drawn = [rule.audited(i) for i in range(1000)]
    assert 150 < sum(drawn) < 250
    assert drawn == [rule.audited(i) for i in range(1000)]
    assert not any(SequentialLabel(4096, audit=0.2, bound=1.0).audited(i) for i in range(100))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: FixedLabel(0), "Linf"),
        (lambda: SequentialLabel(100, alpha=0.0), "alpha"),
        (lambda: SequentialLabel(64, first=128), "first <= Linf"),
        (lambda: SequentialLabel(64, bound=-1.0), "bound"),
        (lambda: SequentialLabel(64, audit=2.0), "audit"),
        (lambda: FixedLabel(64, cap=32), "cap"),
        (lambda: SequentialLabel(1000, Linf_max=500), "Linf_max"),
    ],
)
def test_refusals(make: object, words: str) -> None:
    """Impossible rules are refused by name."""
    with pytest.raises(ValueError, match=words):
        make()  # type: ignore[operator]


def test_rules_are_rules() -> None:
    """Both satisfy the protocol."""
    rules: list[LabelRule] = [FixedLabel(8), SequentialLabel(256)]
    assert [rule.sequential for rule in rules] == [False, True]
