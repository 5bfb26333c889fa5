"""Who truly wins is found from as much data as it takes."""

from __future__ import annotations

import math

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
    """Looks are made at 128, 256, … Linf, and go on to Linf_max for who asks."""
    rule = SequentialLabel(1000, Linf_max=3000)
    assert list(rule.sizes()) == [128, 256, 512, 1000]
    assert list(rule.sizes(256)) == [512, 1000]
    assert rule.next_size(PairedSums(1000)) == 2000
    assert rule.next_size(PairedSums(2000)) == 3000
    assert rule.next_size(PairedSums(3000)) is None


def test_sequential_label_at_the_edge() -> None:
    """The first look is decided at the two-sided level α/2, a later one at α/(k(k+1))."""
    rule = SequentialLabel(4096, alpha=0.05)
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
    rule, rng, wrong, settled = SequentialLabel(4096, alpha=0.05), np.random.default_rng(5), 0, 0
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


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: FixedLabel(0), "Linf"),
        (lambda: SequentialLabel(100, alpha=0.0), "alpha"),
        (lambda: SequentialLabel(64), "first <= Linf"),
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
