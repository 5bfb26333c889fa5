"""The command ``adaptive-calib``: look at runs and results from any terminal.

``adaptive-calib watch RUN.db`` shows all runs of a store while they go on, in this process or another one, on this
machine or another one that sees the file. The other commands are those of ``python -m adaptive_calib.store``.
"""

from __future__ import annotations

import argparse
import json
import math
import shutil
import sys
import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, TextIO

from adaptive_calib.runner.terminal import LOG_INTERVAL, Screen, block, cut
from adaptive_calib.store import StoreError, open_store
from adaptive_calib.store.__main__ import main as store_main
from adaptive_calib.store.manifest import process_is_gone
from adaptive_calib.store.rows import Run
from adaptive_calib.store.text import printable
from adaptive_calib.view.run import RunView, from_state

__all__ = ["main"]

#: Runs that have ended and are shown without ``--all``.
_ENDED = 3
_BARS = "▁▂▃▄▅▆▇█"
#: Words of a run's status in a store -> those of a view, which have colours.
_STATUS = {"running": "running", "finished": "finished", "exhausted": "finished", "cancelled": "cancelled"}
_EPILOG = """other commands: list, runs, show, failures, export, compare ...
  as ``python -m adaptive_calib.store RUN.db COMMAND``; see ``adaptive-calib COMMAND RUN.db --help``."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return 0, or 1 after an error that was printed."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if words and not words[0].startswith("-") and words[0] != "watch":
        command, *rest = words
        return store_main([*rest[:1], command, *rest[1:]])  # there the file comes first
    options = _parser().parse_args(words)
    try:
        return _watch(options, sys.stdout)
    except (StoreError, OSError, ValueError) as error:
        print(f"error: {printable(str(error), lines=True)}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="adaptive-calib", description="Look at runs and results.", epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    commands = parser.add_subparsers(title="commands", required=True)
    watch = commands.add_parser("watch", help="show the runs of a store, and follow them", description=__doc__)
    watch.add_argument("store", help="file or URL of the store")
    watch.add_argument("--json", action="store_true", help="print the states as JSON, once")
    watch.add_argument("--once", action="store_true", help="print the runs once")
    watch.add_argument("--all", action="store_true", help=f"all runs, not only the last {_ENDED} that have ended")
    watch.add_argument("--interval", type=float, default=2.0, metavar="S", help="seconds (default: %(default)s)")
    return parser


def _watch(options: argparse.Namespace, out: TextIO) -> int:
    if options.json:
        print(json.dumps([_as_json(run) for run in _runs(options)], indent=1), file=out)
        return 0
    screen = Screen(out) if out.isatty() and not options.once else None
    while True:
        begin = time.perf_counter()
        runs = _runs(options)
        width = shutil.get_terminal_size().columns if out.isatty() else 200
        lines = [line for run in runs for line in [*_shown(run, width, out.isatty()), ""]] or ["no runs"]
        if screen is not None:
            screen.show(lines)
        else:
            out.write("\n".join(lines) + "\n")
            out.flush()
        if options.once or not any(_is_running(run) for run in runs):
            return 0
        interval = options.interval if screen is not None else max(options.interval, LOG_INTERVAL)
        time.sleep(max(interval, 20 * (time.perf_counter() - begin)))  # a large store is not read all the time


def _runs(options: argparse.Namespace) -> list[Run]:
    """Return the runs to show, the latest one last."""
    name = options.store
    if "://" not in name and not Path(name).exists():
        raise FileNotFoundError(f"there is no store at {name!r}.")
    store = open_store(name, readonly=True)
    with store:
        runs = sorted(store.read_runs(), key=lambda run: run.started)
    ended = [run for run in runs if not _is_running(run)]
    left_out = set() if options.all else {run.id for run in ended[:-_ENDED]}
    return [run for run in runs if run.id not in left_out]


def _is_running(run: Run) -> bool:
    return run.status == "running" and not process_is_gone(json.loads(run.manifest))


def _status(run: Run) -> str:
    return "killed" if run.status == "running" and not _is_running(run) else run.status


def _as_json(run: Run) -> dict[str, Any]:
    manifest = json.loads(run.manifest)
    about = {"id": run.id, "started": run.started, "ended": run.ended, "status": _status(run), "reason": run.reason}
    return about | {"host": manifest.get("host"), "pid": manifest.get("pid"), "state": manifest.get("state")}


def _shown(run: Run, width: int, colours: bool) -> list[str]:
    """Return a run as lines: where and when it runs, its state, the loss as a small curve, and the last failures."""
    manifest = json.loads(run.manifest)
    state, status = manifest.get("state") or {}, _status(run)
    where = f"{manifest.get('host')}:{manifest.get('pid')}"
    started = datetime.fromtimestamp(run.started).strftime("%Y-%m-%d %H:%M:%S")
    head = f"run {run.id}, started {started} on {where}: {status}" + (f" ({run.reason})" if run.reason else "")
    lines = [cut(printable(head), width)]
    try:
        view = from_state(_escaped(state))
    except ValueError:
        return [*lines, "  no state was written"]
    reason = printable(run.reason) or view.reason
    shown = RunView(**{**vars(view), "status": _STATUS.get(status, "failed"), "reason": reason})
    if not _is_running(run):
        shown = RunView(**{**vars(shown), "left": None, "stopping": False, "running": ()})
    lines += ["  " + line for line in block(shown, width - 2, colours)]
    if len(view.losses) > 2:
        lines.append(cut(f"  loss {_sparkline([loss for _, loss in view.losses])}", width))
    for point, trace in view.failures[-2:]:
        last = trace.strip().splitlines()[-1:] or [""]
        lines.append(cut(f"  failed at {point}: {last[0]}", width))
    if _is_running(run) and "updated" in state:
        lines.append(f"  state of {max(0.0, time.time() - state['updated']):.0f} s ago")
    return lines


def _escaped(value: Any) -> Any:
    """Return plain data with texts that a terminal cannot obey."""
    if isinstance(value, str):
        return printable(value, lines=True)
    if isinstance(value, dict):
        return {key: _escaped(item) for key, item in value.items()}
    return [_escaped(item) for item in value] if isinstance(value, list) else value


def _sparkline(losses: Sequence[float]) -> str:
    """Return losses as bars, on a logarithmic scale."""
    logs = [math.log(loss) for loss in losses if 0 < loss < math.inf]
    low, high = min(logs, default=0.0), max(logs, default=0.0)
    return "".join(_BARS[round((value - low) / (high - low) * 7) if high > low else 0] for value in logs)


if __name__ == "__main__":
    sys.exit(main())
