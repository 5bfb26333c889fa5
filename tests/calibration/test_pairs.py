from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from adaptive_calib.calibration.curve import as_pairs, fold, table_columns


def test_undecided_and_missing_are_left_out_and_counted():
    """A NaN label and a NaN B_EMD are left out whatever the other half says, and counted apart."""
    pairs = as_pairs([0.1, np.nan, 0.8, 0.9, np.nan], [0, 1, np.nan, True, np.nan])
    assert_array_equal(pairs.bemd, [0.1, 0.9])
    assert_array_equal(pairs.hits, [0, 1])
    assert_array_equal(pairs.index, [0, 3])
    assert (len(pairs), pairs.n_undecided, pairs.n_missing) == (2, 1, 2)
    assert len(pairs.cautions) == 2


@pytest.mark.parametrize(
    ("bemd", "bepis", "word"),
    [
        ([0.1, 1.2], [0, 1], "bemd[1]"),
        ([np.inf], [0], "bemd[0]"),
        ([0.1], [0.5], "bepis[0]"),
        ([0.1, 0.2], [1], "shapes"),
        ([[0.1]], [[1]], "shapes"),
    ],
)
def test_bad_pairs_are_refused_in_clear_words(bemd, bepis, word):
    """What is no pair of B_EMD and label is refused, and the message says where."""
    with pytest.raises(ValueError, match=word.replace("[", r"\[")):
        as_pairs(bemd, bepis)


@pytest.mark.parametrize(
    ("bemd", "bepis", "word"),
    [
        ([], [], "every statistic is NaN"),
        ([0.2, 0.7], [1, 1], "B_epis = 1"),
        ([0.2, 0.7], [0, 0], "B_epis = 0"),
        ([0.4, 0.4], [0, 1], "single point"),
        ([0.0, 1.0], [0, 1], "exactly 0 or 1"),
    ],
)
def test_degenerate_pairs_are_told(bemd, bepis, word):
    """A calibration that cannot show a curve says so in words."""
    assert any(word in caution for caution in as_pairs(bemd, bepis).cautions)


def test_good_pairs_need_no_caution():
    """Nothing is said where nothing is wrong."""
    assert as_pairs([0.1, 0.5, 0.9], [0, 1, 1]).cautions == ()


def test_fold_counts_the_side():
    """A hit is B_epis on B_EMD's side; at one half there is no side."""
    confidence, hit = fold([0.1, 0.1, 0.9, 0.9, 0.5, 0.7, np.nan], [0, 1, 0, 1, 1, np.nan, 1])
    assert_array_equal(confidence, [0.9, 0.9, 0.9, 0.9, 0.5, 0.7, np.nan])
    assert_array_equal(hit, [1, 0, 0, 1, np.nan, np.nan, np.nan])


def test_fold_is_symmetric():
    """Exchanging the two models changes neither confidence nor hit."""
    rng = np.random.default_rng(1)
    x, y = rng.random(50), rng.random(50) < 0.5
    for ours, mirrored in zip(fold(x, y), fold(1 - x, ~y), strict=True):
        np.testing.assert_allclose(ours, mirrored)


@pytest.mark.parametrize("label", ["Bepis", "Bconf"])
def test_tables_are_read_under_either_name(label):
    """The old field name Bconf is read like Bepis."""
    table = np.array([(0.25, True), (0.75, False)], dtype=[("Bemd", float), (label, bool)])
    for form in (table, {name: table[name] for name in table.dtype.names}):
        bemd, bepis = table_columns(form)
        assert_array_equal(bemd, [0.25, 0.75])
        assert_array_equal(bepis, [1, 0])


def test_data_frames_and_plain_pairs_are_tables():
    """A pandas data frame and a list of pairs are read too."""
    pandas = pytest.importorskip("pandas")
    expected = ([0.25, 0.75], [1, 0])
    frame = pandas.DataFrame({"Bemd": expected[0], "Bepis": expected[1]})
    for form in (frame, list(zip(*expected, strict=True))):
        for column, values in zip(table_columns(form), expected, strict=True):
            assert_array_equal(column, values)
    assert [column.size for column in table_columns([])] == [0, 0]


@pytest.mark.parametrize("table", [np.zeros(3, dtype=[("x", float)]), {"Bemd": []}, [(1, 2, 3)]])
def test_other_tables_are_refused(table):
    """A table without the two columns is refused with the names it has."""
    with pytest.raises(ValueError, match="calibration table should"):
        table_columns(table)
