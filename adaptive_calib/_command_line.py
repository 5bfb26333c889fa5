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
from contextlib import suppress
from pathlib import Path
from typing import Any, TextIO

from adaptive_calib._words import local_time
from adaptive_calib.runner.terminal import LOG_INTERVAL, Screen, block, cut
from adaptive_calib.store import EmptyStoreError, Store, StoreError, open_store
from adaptive_calib.store.__main__ import COMMANDS as STORE_COMMANDS
from adaptive_calib.store.__main__ import main as store_main
from adaptive_calib.store.manifest import is_running, result_sets_of, state_of, status_of
from adaptive_calib.store.rows import Run
from adaptive_calib.store.text import printable
from adaptive_calib.view.stored_run import stored_view

__all__ = ["main"]

#: Runs that have ended and are shown without ``--all``.
_ENDED = 3
_BARS = "▁▂▃▄▅▆▇█"
_WAITING = "It is waited for; Ctrl-C ends this."
_SERVE = """Show the runs of a store as web pages, for reading only: on this machine, or with --address to
everybody who has the address with the token that is printed. Needs the extra `serve`."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return 0, or 1 after an error that was printed."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if words and not words[0].startswith("-") and words[0] not in ("watch", "serve"):
        command, *rest = words
        if command in STORE_COMMANDS and not rest:
            _parser().error(f"{command} of which store? adaptive-calib {command} STORE")
        if rest[:1] in (["-h"], ["--help"]):
            rest = ["STORE", *rest]
        in_their_order = [*rest[:1], command, *rest[1:]]  # there the file comes first
        return store_main(in_their_order, usage="adaptive-calib {} STORE")
    options = _parser().parse_args(words)
    try:
        return int(options.run(options, sys.stdout))
    except (StoreError, OSError, ValueError) as error:
        print(f"error: {printable(str(error), lines=True)}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="adaptive-calib", description="Look at runs and results.")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    watch = commands.add_parser("watch", help="show the runs of a store, and follow them", description=__doc__)
    watch.set_defaults(run=_watch)
    watch.add_argument("store", help="file or URL of the store")
    watch.add_argument("--json", action="store_true", help="print the states as JSON, once (infinite numbers: null)")
    watch.add_argument("--once", action="store_true", help="print the runs once")
    watch.add_argument("--all", action="store_true", help=f"all runs, not only the last {_ENDED} that have ended")
    watch.add_argument("--interval", type=float, default=2.0, metavar="S", help="seconds (default: %(default)s)")
    serve = commands.add_parser("serve", help="show the runs of a store as web pages", description=_SERVE)
    serve.set_defaults(run=_serve)
    serve.add_argument("store", help="file or URL of the store")
    serve.add_argument("--port", type=int, default=5007, help="port (default: %(default)s; 0: any free one)")
    serve.add_argument("--address", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    serve.add_argument("--token", help="token of visitors (default: none on loopback, else a new one)")
    for name, text in STORE_COMMANDS.items():  # for this help only: they have a parser of their own
        commands.add_parser(name, help=text)
    return parser


def _serve(options: argparse.Namespace, out: TextIO) -> int:
    try:
        from adaptive_calib.web.server import make_server
    except ImportError as error:
        raise ValueError(f"{error}; the pages need panel: pip install 'adaptive_calib[serve]'") from error
    if "://" not in options.store and not Path(options.store).exists():
        out.write(f"there is no store at {printable(options.store)!r}. {_WAITING}\n")
    server, url = make_server(_open, options.store, address=options.address, port=options.port, token=options.token)
    out.write(f"{printable(options.store)} is shown at {url} (Ctrl-C ends this; runs are not touched)\n")
    out.flush()
    server.run_until_shutdown()
    return 0


def _watch(options: argparse.Namespace, out: TextIO) -> int:
    if options.json:
        states: list[Any] = []
        with suppress(EmptyStoreError):
            states = [_finite(_as_json(run)) for run in _runs(options)]
        print(json.dumps(states, indent=1, allow_nan=False), file=out)
        return 0
    screen = Screen(out) if out.isatty() and not options.once else None
    before: list[str] = []
    while True:
        begin = time.perf_counter()
        runs, waiting = _runs_or_reason(options)
        if screen is not None:  # the end may not fit on the screen
            runs = sorted(runs, key=lambda run: (is_running(run), run.started), reverse=True)
        width = shutil.get_terminal_size().columns if out.isatty() else 200
        lines = [line for run in runs for line in [*_shown(run, width, out.isatty()), ""]] or [waiting]
        if screen is not None:
            screen.show(lines)
        elif lines != before:
            out.write("\n".join(lines) + "\n")
            out.flush()
        before = lines
        if options.once or (runs and not any(is_running(run) for run in runs)):
            return 0
        interval = options.interval if screen is not None or not runs else max(options.interval, LOG_INTERVAL)
        time.sleep(max(interval, 20 * (time.perf_counter() - begin)))  # a large store is not read all the time


def _runs_or_reason(options: argparse.Namespace) -> tuple[list[Run], str]:
    """Return the runs to show, or none and why there are none yet."""
    try:
        return _runs(options), f"There are no runs in {printable(options.store)} yet."
    except EmptyStoreError as error:
        return [], printable(str(error))
    except FileNotFoundError as error:
        if options.once:
            raise
        return [], f"{printable(str(error))} {_WAITING}"


def _open(name: str) -> Store:
    """Open the store of a file or URL for reading."""
    if "://" not in name and not Path(name).exists():
        raise FileNotFoundError(f"there is no store at {name!r}.")
    return open_store(name, readonly=True)


def _runs(options: argparse.Namespace) -> list[Run]:
    """Return the runs to show, the latest one last."""
    with _open(options.store) as store:
        runs = sorted(store.read_runs(), key=lambda run: run.started)
    ended = [run for run in runs if not is_running(run)]
    left_out = set() if options.all else {run.id for run in ended[:-_ENDED]}
    return [run for run in runs if run.id not in left_out]


def _as_json(run: Run) -> dict[str, Any]:
    manifest = json.loads(run.manifest)
    about = {"id": run.id, "started": run.started, "ended": run.ended, "status": status_of(run), "reason": run.reason}
    return about | {"host": manifest.get("host"), "pid": manifest.get("pid"), "state": manifest.get("state")}


def _finite(value: Any) -> Any:
    """Return plain data in which numbers that JSON does not have are None."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    return [_finite(item) for item in value] if isinstance(value, (list, tuple)) else value


def _shown(run: Run, width: int, colours: bool) -> list[str]:
    """Return a run as lines: what runs where since when, its state, its losses as a curve, and the last failures."""
    manifest = json.loads(run.manifest)
    where = f"{manifest.get('host')}:{manifest.get('pid')}"
    view = stored_view(_escaped(run))
    names = ", ".join(name.removeprefix("__main__.") for name in result_sets_of(run).values())
    what = f"{view.title} of {names}" if view is not None else names
    lines = [cut(printable(f"{what:.60}, started {local_time(run.started)} on {where}, run {run.id}"), width)]
    if view is None:
        return [*lines, f"  {printable(run.reason) or status_of(run)}; no state was written"]
    lines += ["  " + line for line in block(view, width - 2, colours)]
    if len(view.losses) > 2:
        lines.append(cut(f"  loss {_sparkline([loss for _, loss in view.losses])}", width))
    for point, trace in view.failures[-2:]:
        last = trace.strip().splitlines()[-1:] or [""]
        lines.append(cut(f"  failed at {point}: {last[0]}", width))
    updated = state_of(run).get("updated")
    if is_running(run) and isinstance(updated, float):
        lines.append(f"  state of {max(0.0, time.time() - updated):.0f} s ago")
    return lines


def _escaped(run: Run) -> Run:
    """Return a run with texts that a terminal cannot obey."""
    manifest = json.dumps(_printable(json.loads(run.manifest)))
    return run._replace(reason=printable(run.reason), manifest=manifest)


def _printable(value: Any) -> Any:
    if isinstance(value, str):
        return printable(value, lines=True)
    if isinstance(value, dict):
        return {key: _printable(item) for key, item in value.items()}
    return [_printable(item) for item in value] if isinstance(value, list) else value


def _sparkline(losses: Sequence[float]) -> str:
    """Return losses as bars, on a logarithmic scale."""
    logs = [math.log(loss) for loss in losses if 0 < loss < math.inf]
    low, high = min(logs, default=0.0), max(logs, default=0.0)
    return "".join(_BARS[round((value - low) / (high - low) * 7) if high > low else 0] for value in logs)


if __name__ == "__main__":
    sys.exit(main())
