"""The main example: the sensitivity c that one may trust when choosing between two laws of radiation.

Planck's law against that of Rayleigh and Jeans, in two of the paper's distributions over experiments: "infrared", with
many windows and temperatures, and "bias-sweep", one window and temperature with many offsets. Experiments are evaluated
on all cores until the smallest c that is acceptable in both, and the calibration curves there, are known, or until
`--experiments` of each are done. Everything is kept in a store: interrupt it, kill it, start it again: it continues.
At the end there are, for each distribution, a table, a PNG and an HTML page of the calibration curves.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from adaptive_calib._words import count
from adaptive_calib.calibration import CalibrationLearner, format_summary, summarise
from adaptive_calib.callbacks.calibration_progress import CalibrationProgress
from adaptive_calib.examples.blackbody.distributions import BiasSweep, Infrared, Microwave
from adaptive_calib.runner import BlockingRunner, SequentialExecutor
from adaptive_calib.view import learner_view

__all__ = ["main"]

DISTRIBUTIONS = {"infrared": Infrared, "microwave": Microwave, "bias-sweep": BiasSweep}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m adaptive_calib.examples.blackbody", description=__doc__)
    add = parser.add_argument
    add(
        "--distribution",
        choices=[*DISTRIBUTIONS, "both"],
        default="both",
        help="which experiments are believed possible; both: infrared and bias-sweep (default)",
    )
    add("--experiments", type=int, default=1536, metavar="N", help="experiments of each at most (default: %(default)s)")
    add("--c-min", type=float, default=2.0**-20, help="smallest c to look at (default: 2^-20)")
    add("--c-max", type=float, default=2.0**20, help="largest c to look at (default: 2^20)")
    add("--c-tol", type=float, default=0.5, help="octaves to which the smallest acceptable c is wanted")
    add("--band", type=float, default=0.1, help="half-width to which the curve at the recommended c is wanted")
    add("--executor", choices=("sequential", "processes", "dask"), default="processes", help="where to evaluate")
    add("--workers", type=int, default=None, help="number of processes (default: one for each core)")
    add("--output", type=Path, default=Path("blackbody"), help="folder of store, PNG and HTML (default: %(default)s)")
    add("--store", type=Path, default=None, help="the store (default: calibration.db in the output folder)")
    add("--seed", type=int, default=0, help="seed of the sampler of B_EMD; the experiments are the paper's own")
    return parser


def _experiments(options: argparse.Namespace) -> Any:
    """Return the distribution that was asked for, or infrared and bias-sweep by name."""
    if options.distribution == "both":
        return {name: DISTRIBUTIONS[name](options.experiments) for name in ("infrared", "bias-sweep")}
    return DISTRIBUTIONS[options.distribution](options.experiments)


def _executor(options: argparse.Namespace, resources: ExitStack) -> Any:
    """Return the executor that was asked for; what is opened here is closed with `resources`."""
    if options.executor == "sequential":
        return SequentialExecutor()
    if options.executor == "dask":
        from distributed import Client

        local = {"n_workers": options.workers, "threads_per_worker": 1, "dashboard_address": "127.0.0.1:0"}
        client = Client(**local)  # type: ignore[no-untyped-call]  # dask has no types
        return resources.enter_context(client)
    if options.workers is None:
        return None  # loky's reusable pool on all cores
    from loky import get_reusable_executor

    return get_reusable_executor(max_workers=options.workers)


def _used(learner: CalibrationLearner, bar: CalibrationProgress) -> str:
    """Return on how many of the evaluated experiments the answer rests, as text; empty if on all."""
    used = learner.n_experiments - learner.n_failed
    return f" The answer uses {used} of them." if used < bar.evaluated + bar.loaded else ""


def _report(learner: CalibrationLearner) -> str:
    """Return what is known, as text."""
    if learner.current() is None:
        return "No experiment was finished: nothing to show."
    several = len(learner.distributions) > 1
    lines = []
    for name in learner.distributions:
        lines += [f"{name}:"] * several + [format_summary(summarise(learner, name)), ""]
    lines += [f"note: {caution}" for caution in learner.cautions()]
    lines += ["", learner.acceptable_interval().words]
    recommended = learner.recommended_c()
    if recommended is None:
        lines.append("No c can be recommended yet.")
    else:
        lines.append(f"Recommended c: {recommended:g}{', acceptable in each distribution' if several else ''}")
    return "\n".join(lines)


def _draw(learner: CalibrationLearner, output: Path, report: str) -> None:
    """Write the report and the pictures, which takes seconds, unless they are there already."""
    names = [name for name in learner.distributions if any(len(rows) for rows in learner.table(name).values())]
    stems = [output / (f"calibration-{name}" if name else "calibration") for name in names]
    text = output / "calibration.txt"
    there = [path.with_suffix(suffix) for path in stems for suffix in (".png", ".html")]
    if text.exists() and text.read_text(encoding="utf-8") == report and all(path.exists() for path in there):
        print(f"the pictures in {output} show this")
        return
    text.unlink(missing_ok=True)  # says that the pictures are those of the report, so it is written after them
    for name, stem in zip(names, stems, strict=True):
        view = learner_view(learner, name)
        for save, suffix in ((view.save_png, ".png"), (view.save_html, ".html")):
            save(stem.with_suffix(suffix))
            print(f"wrote {stem.with_suffix(suffix)}")
    text.write_text(report, encoding="utf-8")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the example; return the exit status: 0, or 130 after Ctrl-C."""
    options = _parser().parse_args(argv)
    options.output.mkdir(parents=True, exist_ok=True)
    store = options.store or options.output / "calibration.db"
    learner = CalibrationLearner(
        _experiments(options),
        Ldata=1024,
        Linf=12288,
        c_bounds=(options.c_min, options.c_max),
        c_tol=options.c_tol,
        band=options.band,
        entropy=options.seed,
    )
    with ExitStack() as resources:
        bar = resources.enter_context(CalibrationProgress(learner))
        try:
            runner = BlockingRunner(
                learner,
                executor=_executor(options, resources),
                store=store,
                on_error="continue",
                callbacks=[bar],
            )
            interrupted = runner.status() == "cancelled"  # Ctrl-C once: pending experiments are kept
        except KeyboardInterrupt:  # twice: it is abandoned
            interrupted = True
    if interrupted:
        print(f"\nInterrupted; all finished experiments are in {store}. The same command continues from there.")
    print(f"\n{count(bar.evaluated, 'experiment')} evaluated now, {bar.loaded} from {store}.{_used(learner, bar)}")
    if not interrupted:
        learner.sharpen()
    print(f"{learner.stopped_because()}.")
    if learner.failed_points:
        print(
            f"{count(len(learner.failed_points), 'point')} failed; see python -m adaptive_calib.store {store} failures"
        )
    report = _report(learner)
    print(report)
    if not interrupted:
        _draw(learner, options.output, report)
    return 130 if interrupted else 0


if __name__ == "__main__":
    sys.exit(main())
