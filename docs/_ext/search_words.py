"""Words under which a reader may look for a page, and which its title does not have, for the search and the index."""

from __future__ import annotations

from typing import Any

from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.errors import ExtensionError
from sphinx.transforms import SphinxTransform

WORDS = {
    "explanation/claims": "claim, confidence, error of a curve",
    "explanation/determinism_and_replay": "seed, reproducible",
    "explanation/emd_criterion": "EMD, B_EMD, B_epis",
    "explanation/noisy_curves": "noise, noisy curve",
    "explanation/performance": "benchmark, speed",
    "explanation/reading_the_picture": "picture, calibration curve, over-confident",
    "explanation/safety": "pickle, security",
    "how-to/choose_c": "recommended c, undecided",
    "how-to/choose_data_sizes": "labels, Ldata, Linf",
    "how-to/curve_to_an_error": "accuracy, error goal, goal, stop reason, tolerance",
    "how-to/debug_a_failing_function": "debugger, exception, traceback",
    "how-to/external_program": "external program, licence, license, simulation, subprocess",
    "how-to/install": "bug, citation, cite, help, install, licence, license, update, version",
    "how-to/limit_what_runs_at_once": "licence, license, memory, threads",
    "how-to/look_and_clean": "csv, delete results, disk space, export, table of results",
    "how-to/minimum_and_level": "boundary, level, maximum, minimum, optimisation, optimization",
    "how-to/read_off_a_curve": "area, derivative, extremum, maximum, peak, pole, resonance, root, zero",
    "how-to/regions_without_values": "NaN, refine",
    "how-to/replay": "log",
    "how-to/resume": "continue, crash, Ctrl-C, kill, restart, resume, snapshot",
    "how-to/retry_and_time_out": "failed points, failures, retry, time limit, timeout",
    "how-to/save_a_plot": "figure, PNG, plot, save plot, SVG",
    "how-to/scripts_and_progress": "callback, Ctrl-C, progress bar, signal",
    "how-to/share_big_data_with_workers": "large data, memory",
    "how-to/slurm_with_dask_jobqueue": "batch job, cluster, HPC",
    "how-to/store": "cache, database, job array, lease, manifest",
    "how-to/time_series": "dependent data, time series",
    "how-to/uninstall": "remove, uninstall",
    "how-to/watch_a_run": "browser, dashboard, monitor, watch",
    "how-to/worker_logs": "log, output of workers, print",
    "maintain/stability": "deprecation, version",
    "notebooks/noisy_and_expensive": "average, noise, noisy function",
    "tutorials/first_calibration": "ECE, log score, slope",
}


class SearchWords(SphinxTransform):
    """Puts the words of a page at its head, as index entries: the search ranks them before words of the text."""

    default_priority = 500  # before the index is collected from the page

    def apply(self, **kwargs: Any) -> None:
        """Insert a node that is not shown."""
        words = WORDS.get(self.env.docname, "")
        entries = [("single", word, "", "main", None) for word in words.split(", ") if word]
        if entries:
            self.document.insert(0, addnodes.index(entries=entries))


def check(app: Sphinx, env: BuildEnvironment, names: list[str]) -> None:
    """Refuse words of a page that is not there."""
    if missing := WORDS.keys() - env.found_docs:
        raise ExtensionError(f"search_words.py has words of pages that are not there: {sorted(missing)}")


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension."""
    app.add_transform(SearchWords)
    app.connect("env-before-read-docs", check)
    return {"version": "2", "env_version": 1, "parallel_read_safe": True, "parallel_write_safe": True}
