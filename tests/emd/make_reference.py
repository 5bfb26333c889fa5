"""Draw expected risks with emdcmp 1.1.1 itself, for `test_agreement.py`; it runs where emdcmp is installed.

    python -m tests.emd.data | PEER/bin/python tests/emd/make_reference.py > tests/emd/emdcmp_risks.json

with PEER a virtual environment that has emdcmp 1.1.1 from PyPI. It takes about a minute. emdcmp cannot be seeded, so
another run gives other samples of the same law.
"""

from __future__ import annotations

import json
import sys

import numpy as np

#: (example, c, res): the cases, chosen so that special cases of emdcmp fire in all but the last two.
CASES = [
    ("DA", 1 / 16, 6),
    ("DA", 1.0, 6),
    ("DB", 1.0, 6),
    ("P", 0.25, 6),
    ("P", 4.0, 6),
    ("GA", 1.0, 6),
    ("GA", 16.0, 6),
]
PATHS = 500


def main() -> None:
    """Print the samples as JSON: a list of {example, c, res, risks}."""
    import emdcmp

    losses = json.load(sys.stdin)
    records = []
    for example, c, res in CASES:
        mixed, synthetic = (emdcmp.make_empirical_risk_ppf(np.array(values)) for values in losses[example])
        risks = emdcmp.draw_R_samples(
            mixed, synthetic, c=c, res=res, M=PATHS, max_M=PATHS, relstderr_tol=1e9, path_progbar=None
        )
        records.append({"example": example, "c": c, "res": res, "risks": [float(f"{r:.9g}") for r in np.sort(risks)]})
    json.dump({"source": "emdcmp 1.1.1 from PyPI, draw_R_samples", "records": records}, sys.stdout)


if __name__ == "__main__":
    main()
