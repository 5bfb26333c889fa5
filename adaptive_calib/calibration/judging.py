"""The evidence of each c in each distribution, which grows with the ledger, and what follows from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from adaptive_calib._arrays import Floats
from adaptive_calib.calibration.axis import on_axis
from adaptive_calib.calibration.decision import Decision, Rows, Tolerances, judge
from adaptive_calib.calibration.evidence import Evidence, extend
from adaptive_calib.calibration.family import Family
from adaptive_calib.calibration.ledger import Ledger
from adaptive_calib.calibration.robustness import Robustness, robustness
from adaptive_calib.calibration.slope import SLOPE_THRESHOLD, Status

__all__ = ["Judging"]


class Judging:
    """Judges a ledger whose experiment i belongs to distribution i % k, of k.

    Parameters
    ----------
    distributions : sequence of str
        Their names.
    tolerances, family
        What was asked for, and which c may be looked at.
    """

    def __init__(self, distributions: Sequence[str], tolerances: Tolerances, family: Family) -> None:
        self.distributions, self.tolerances, self.family = tuple(distributions), tolerances, family
        self._evidence: dict[tuple[float, int], Evidence] = {}

    def decision(self, ledger: Ledger, filled: Mapping[float, int], skipped: int) -> Decision:
        """Judge every c on all experiments of the ledger.

        Parameters
        ----------
        ledger : Ledger
        filled : mapping, c -> int
            Length of the columns that do not reach to the end.
        skipped : int
            Experiments that were not wanted.
        """
        added, labels = ledger.added, ledger.labels
        bemd = np.stack([ledger.column(c) for c in added], axis=1)
        rows = []
        for g, name in enumerate(self.distributions):
            mask = np.arange(len(labels)) % len(self.distributions) == g
            self._gather(g, added, filled, np.where(mask[:, None], bemd, np.nan), labels)
            rows.append(Rows(name, mask, [self._evidence[c, g] for c in added]))
        log2c = [on_axis(c) for c in added]
        return judge(log2c, bemd, labels, rows, self.tolerances, self.family, skipped)

    def _gather(self, g: int, c: Sequence[float], filled: Mapping[float, int], bemd: Floats, labels: Floats) -> None:
        """Extend the evidence of each c in distribution `g` to the end of its column, equal lengths together."""
        spans = [(len(self._evidence.setdefault((x, g), Evidence())), filled.get(x, len(labels))) for x in c]
        for start, stop in set(spans):
            columns = [k for k, span in enumerate(spans) if span == (start, stop)]
            extend([self._evidence[c[k], g] for k in columns], bemd[start:stop, columns], labels[start:stop])

    def limiting(self, decision: Decision) -> frozenset[int]:
        """Return the distributions whose experiments are needed next.

        Those in which a c is undecided that matters for what was asked for, or the curve is not known as asked. Where
        the slope of one is below 0.9 only that one: it would reject the c, whatever the others say.
        """
        everyone = frozenset(range(len(self.distributions)))
        tolerances, lower = self.tolerances, decision.interval.lower
        if not tolerances.any:
            return everyone
        matters = decision.status == Status.UNDECIDED
        if lower is not None and not tolerances.upper_end:
            matters &= decision.log2c < lower.inside
        undecided = [part.verdicts.status == Status.UNDECIDED for part in decision.parts]
        against = [mine & (part.slopes < SLOPE_THRESHOLD) for mine, part in zip(undecided, decision.parts, strict=True)]
        disputed = np.any(against, axis=0)
        limiting = {
            g
            for g, part in enumerate(decision.parts)
            if np.any(matters & np.where(disputed, against[g], undecided[g]))
            or (tolerances.band is not None and lower is not None and part.half_width > tolerances.band)
        }
        return frozenset(limiting) or everyone

    def robustness(self, ledger: Ledger) -> Robustness:
        """Return what the recommended c of the ledger hangs on."""
        added, k = ledger.added, len(self.distributions)
        bemd = np.stack([ledger.column(c) for c in added], axis=1)
        return robustness([on_axis(c) for c in added], bemd, ledger.labels, self.family, k)
