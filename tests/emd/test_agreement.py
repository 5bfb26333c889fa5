"""emdcmp's special cases explain what it computes; where none of them fires the right limits agree with it.

The samples in ``emdcmp_risks.json`` were drawn with emdcmp 1.1.1 from PyPI by ``make_reference.py``, 500 for each case.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import ks_2samp

from adaptive_calib.emd import PathLaw
from tests.emd.data import arrays
from tests.emd.emulation import emulated_bemd, emulated_risks

RECORDS = json.loads(Path(__file__).with_name("emdcmp_risks.json").read_text())["records"]
IDS = [f"{record['example']}-c{record['c']:g}-res{record['res']}" for record in RECORDS]
#: Bemd with emdcmp's special cases at c = 1/16, 1, 16, ± .003; G at c = 16 ± .006, as the right limits, which are the
#: same there, give .0920 and .0902.
EMULATED = {
    ("D", 6): (0.977, 0.711, 0.503),
    ("D", 8): (0.958, 0.689, 0.499),
    ("G", 6): (0.083, 0.204, 0.086),
    ("G", 8): (0.100, 0.211, 0.091),
}


@pytest.mark.parametrize("record", RECORDS, ids=IDS)
def test_emulation_agrees_with_emdcmp(record: dict[str, object]) -> None:
    """Risks drawn with emdcmp's special cases have the law of emdcmp's own."""
    quantiles, deltas = arrays(record["example"], record["res"])
    ours = emulated_risks(quantiles, deltas, record["c"], 4000, np.random.default_rng(17))
    assert ks_2samp(record["risks"], ours.ravel()).pvalue > 1e-3


@pytest.mark.parametrize("record", RECORDS, ids=IDS)
def test_right_limits_differ_where_special_cases_fire(record: dict[str, object]) -> None:
    """The right limits have emdcmp's law where none of its special cases fires, and another where they do."""
    law = PathLaw.solve(*arrays(record["example"], record["res"]), record["c"])
    p = ks_2samp(record["risks"], law.sample_risks(4000, np.random.default_rng(17))).pvalue
    if record["example"] == "GA":
        assert p > 1e-3
    elif (record["example"], record["c"]) != ("DA", 1.0):  # there 500 samples do not tell them apart for sure
        assert p < 1e-6


@pytest.mark.parametrize(("example", "res"), EMULATED)
def test_emulated_criterion(example: str, res: int) -> None:
    """The criterion with emdcmp's special cases has its reference values."""
    pair = *arrays(example + "A", res), *arrays(example + "B", res)
    for c, expected in zip((1 / 16, 1.0, 16.0), EMULATED[example, res], strict=True):
        values = [emulated_bemd(*pair, c, seed, M=2000, resample_ends=20) for seed in range(4)]
        uncertainty = 0.006 if (example, c) == ("G", 16.0) else 0.003
        assert abs(np.mean(values) - expected) < uncertainty + 2 * np.std(values)


def test_both_scalings_of_the_ends_agree_at_c_1() -> None:
    """C δ and √c δ are the same at c = 1 and differ elsewhere."""
    quantiles, deltas = arrays("GA", 6)
    for c, same in ((1.0, True), (4.0, False)):
        one, other = (
            emulated_risks(quantiles, deltas, c, 50, np.random.default_rng(0), end_scaling=scaling)
            for scaling in ("sqrt", "linear")
        )
        assert (one == other).all() == same
