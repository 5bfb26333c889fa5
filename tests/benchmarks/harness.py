"""Ratios measured in one run: the same case, in our environment and in the peer's, alternately.

A *case* is a function ``case(package, size) -> seconds`` in a module of `tests.benchmarks.cases`. `package` is the
imported package (``adaptive_calib``, ``adaptive`` or ``emdcmp``): the public names are the same, so one piece of code
times both. Each case module names its peer in ``PEER`` (None if nobody else does the like: then seconds are promised,
with `Case.at_most`, and no ratio) and its cases in ``CASES``; it imports nothing but the
standard library, numpy and scipy at the top, since it also runs in the peer's environment.

Each measurement is a process of its own, ours and the peer's in turn, so that a slow moment of a shared machine meets
both; what is reported is the median of each side and the ratio of the medians. ``python -m tests.benchmarks`` prints
the tables; ``tests/benchmarks/test_benchmarks.py`` runs every case once, at its smallest size, in the ordinary suite.
"""

from __future__ import annotations

import json
import math
import os
import statistics
import subprocess
import sys
import venv
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import ModuleType

#: What is installed from PyPI for each peer.
REQUIREMENTS = {
    "adaptive": ["adaptive==1.5.2", "adaptive-triangulation==0.3.1", "dask[distributed]"],
    "emdcmp": ["emdcmp==1.1.1"],
}


@dataclass(frozen=True)
class Case:
    """One row of a table.

    Attributes
    ----------
    name
        What the row is called.
    run
        ``run(package, size)``: does the work once and returns the seconds it took.
    size
        The size at which the figure is stated.
    quick
        A size small enough for the ordinary test run.
    target
        The ratio peer / ours that is promised; None where only the figures are of interest.
    repeats
        How many alternating measurements.
    peer_size
        The size for the peer, if it would take too long at `size`; seconds are then scaled linearly.
    at_most
        The seconds that are promised, for cases without a peer.
    """

    name: str
    run: Callable[[ModuleType, int], float]
    size: int
    quick: int
    target: float | None = None
    repeats: int = 5
    peer_size: int | None = None
    at_most: float | None = None


@dataclass(frozen=True)
class Row:
    """The outcome of a `Case`: median seconds of both sides (`theirs` is None without a peer) and their ratio."""

    name: str
    ours: float
    theirs: float | None
    target: float | None
    at_most: float | None = None

    @property
    def ratio(self) -> float:
        """How many times faster we are; NaN without a peer."""
        return math.nan if self.theirs is None else self.theirs / self.ours


def peer_python(peer: str) -> Path:
    """Return the interpreter of the peer's own environment; make it on first use.

    ``ADAPTIVE_CALIB_PEERS`` is the folder of these environments (default: a folder in the user's cache).
    """
    home = Path(os.environ.get("ADAPTIVE_CALIB_PEERS", Path.home() / ".cache" / "adaptive_calib" / "peers"))
    place = home / peer
    python = place / "bin" / "python"
    if not (place / "complete").exists():
        venv.create(place, with_pip=True, clear=True)
        subprocess.run([python, "-m", "pip", "install", "-q", *REQUIREMENTS[peer]], check=True)
        (place / "complete").touch()
    return python


def _seconds(python: Path | str, package: str, module: str, case: str, size: int) -> float:
    code = (
        "import sys, json, importlib; "
        "p, m, c, n = sys.argv[1:]; "
        "cases = {case.name: case for case in importlib.import_module(m).CASES}; "
        "print('\\n' + json.dumps(cases[c].run(importlib.import_module(p), int(n))))"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [str(python), "-c", code, package, module, case, str(size)],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{package}, case {case!r} of {module}:\n{done.stdout}\n{done.stderr}")
    return float(json.loads(done.stdout.splitlines()[-1]))


def measure(module_name: str, case: Case) -> Row:
    """Measure one case, ours and the peer's (if there is one) in turn."""
    module = import_module(module_name)
    python = None if module.PEER is None else peer_python(module.PEER)
    ours, theirs = [], []
    peer_size = case.peer_size or case.size
    for _ in range(case.repeats):
        ours.append(_seconds(sys.executable, "adaptive_calib", module_name, case.name, case.size))
        if python is not None:
            seconds = _seconds(python, module.PEER, module_name, case.name, peer_size)
            theirs.append(seconds * case.size / peer_size)
    return Row(
        case.name, statistics.median(ours), statistics.median(theirs) if theirs else None, case.target, case.at_most
    )


def table(rows: list[Row]) -> str:
    """Return a Markdown table of the rows."""
    if all(row.theirs is None for row in rows):
        lines = ["| case | seconds | promised |", "|---|---|---|"]
        for row in rows:
            limit = "" if row.at_most is None else f"at most {row.at_most:g} s"
            lines.append(f"| {row.name} | {row.ours:.4g} s | {limit} |")
        return "\n".join(lines)
    lines = ["| case | ours | peer | ratio | promised |", "|---|---|---|---|---|"]
    for row in rows:
        promised = "" if row.target is None else f"{row.target:g}x"
        lines.append(
            f"| {row.name} | {row.ours:.4g} s | {row.theirs or math.nan:.4g} s | {row.ratio:.3g}x | {promised} |"
        )
    return "\n".join(lines)
