"""The ledger keeps what it is given."""

from __future__ import annotations

import numpy as np

from adaptive_calib.calibration.ledger import Ledger


def test_rows_and_columns() -> None:
    """Rows in order, columns in increasing order of c, also beyond the first doubling and after a column was added."""
    rng = np.random.default_rng(0)
    values = rng.random((200, 3))
    ledger = Ledger([4.0, 1.0])
    for row in values[:150]:
        ledger.append(bool(row[0] > 0.5), row[:2], row[:2] / 10)
    ledger.append_failed()
    ledger.add(2.0, np.append(values[:150, 2], np.nan), np.zeros(151))
    assert ledger.c == (1.0, 2.0, 4.0)
    assert len(ledger) == 151
    assert ledger.added == (4.0, 1.0, 2.0)

    def matrix() -> np.ndarray:
        return np.stack([ledger.column(c) for c in ledger.c], axis=1)

    np.testing.assert_array_equal(matrix()[:150], values[:150][:, [0, 2, 1]])
    assert np.isnan(matrix()[150]).all()
    np.testing.assert_array_equal(ledger.labels[:150], values[:150, 0] > 0.5)
    assert np.isnan(ledger.labels[150])
    np.testing.assert_array_equal(ledger.stderr(4.0)[:150], values[:150, 1] / 10)
    ledger.append(None, values[160], values[160])
    assert np.isnan(ledger.labels[151])
    np.testing.assert_array_equal(matrix()[151], values[160])
