"""``python -m adaptive_calib.store FILE [command]``: look at a store, and clean it.

Nothing in the file is executed, and text from it is escaped before it reaches the terminal. All commands but ``delete``
and ``gc`` open it read-only.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from adaptive_calib._words import count, local_time
from adaptive_calib.store.base import Store
from adaptive_calib.store.errors import StoreError
from adaptive_calib.store.manifest import status_of
from adaptive_calib.store.result_set import Space
from adaptive_calib.store.run_archive import open_store
from adaptive_calib.store.text import printable

__all__ = ["main"]


#: Commands, and what each does.
COMMANDS = {
    "list": "list the result sets and their numbers of evaluations",
    "runs": "list the runs: when, where, and why each ended",
    "show": "show a result set and its latest evaluations",
    "failures": "show what failed, with tracebacks and output",
    "export": "write a result set as a table",
    "delete": "delete evaluations of a result set, after asking",
    "gc": "remove files that no evaluation names, and old versions",
}


def main(arguments: Sequence[str] | None = None, *, usage: str = "python -m adaptive_calib.store FILE {}") -> int:
    """Run the command line; return 0, or 1 after an error that was printed.

    `usage` is what was typed before the options, with ``{}`` for the command.
    """
    options = _parser(usage).parse_args(arguments)
    command: Callable[[Store, argparse.Namespace], int] = options.run
    try:
        with open_store(options.file, readonly=not options.writes) as store:
            return command(store, options)
    except (StoreError, OSError, KeyError, ValueError) as error:
        text = f"{error.args[0] if isinstance(error, KeyError) else error}"
        print(f"error: {printable(text, lines=True)}", file=sys.stderr)
        return 1


def _parser(usage: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m adaptive_calib.store", description="Look at a store of evaluations, and clean it."
    )
    parser.add_argument("file", help="the store: a file (SQLite or JSON lines), a folder, or a URL")
    parser.set_defaults(run=_list, writes=False)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", description="Without one: list.")

    def add(name: str, run: Any, *, writes: bool = False, space: bool = True) -> argparse.ArgumentParser:
        typed = usage.format(name)
        command = commands.add_parser(name, prog=typed, help=COMMANDS[name], description=COMMANDS[name])
        command.set_defaults(run=run, writes=writes)
        if space:
            command.add_argument("space", nargs="?", help="uid, beginning of it, or name; not needed if there is one")
        return command

    add("list", _list, space=False)
    add("runs", _runs, space=False)
    show = add("show", _show)
    show.add_argument("-n", type=int, default=10, help="how many evaluations (10)")
    failures = add("failures", _failures)
    failures.add_argument("-n", type=int, default=10, help="how many (10)")
    export = add("export", _export)
    export.add_argument("-o", "--output", type=Path, required=True, help="a .parquet, .csv or .json file")
    delete = add("delete", _delete, writes=True)
    delete.add_argument("--status", choices=("ok", "failed", "crashed", "damaged"), help="only those")
    delete.add_argument("--yes", action="store_true", help="do not ask")
    clean = add("gc", _gc, writes=True, space=False)
    clean.add_argument("--keep-versions", type=int, metavar="K", help="keep the last K versions of each result set")
    clean.add_argument("--older-than", type=float, metavar="DAYS", help="remove evaluations that are older")
    clean.add_argument("--larger-than", type=float, metavar="MB", help="remove evaluations with larger results")
    clean.add_argument("--dry-run", action="store_true", help="only say how much would be removed")
    clean.add_argument("--yes", action="store_true", help="do not ask")
    return parser


def _list(store: Store, options: argparse.Namespace) -> int:
    for space in store.spaces():
        _print(f"{space.uid[:12]}  {_counted(space):<28}  {space.info.slug.rpartition('-')[0]}")
    if not store.spaces():
        print("no evaluations")
    return 0


def _runs(store: Store, options: argparse.Namespace) -> int:
    for run in store.read_runs():
        about = json.loads(run.manifest)
        seconds = "" if run.ended is None else f"{run.ended - run.started:.0f} s"
        where = f"{about.get('host')}:{about.get('pid')}"
        _print(f"{run.id}  {local_time(run.started)}  {seconds:>8}  {status_of(run):<10}  {where}  {run.reason}")
    return 0


def _show(store: Store, options: argparse.Namespace) -> int:
    space = _space(store, options)
    for title, text in (("uid", space.uid), ("name", space.name), ("version", space.version)):
        _print(f"{title:<8} {text}")
    _print(f"seed     {space.info.seed}")
    for name, value in space.config.items():
        _print(f"config   {name} = {value}")
    print(f"created  {local_time(space.info.created)}\n{_counted(space)}")
    for evaluation in list(space)[-options.n :] if options.n > 0 else []:
        result = f"{evaluation.y!r:.80}" if evaluation.status == "ok" else evaluation.exc_type
        _print(f"  {evaluation.status:<8}{evaluation.point!r:.60} -> {result}  ({evaluation.duration:.3g} s)")
    return 0


def _failures(store: Store, options: argparse.Namespace) -> int:
    space = _space(store, options)
    failures = space.failures()
    print(count(len(failures), "failure"))
    for failure in failures[-options.n :] if options.n > 0 else []:
        where = f"{failure.host}:{failure.pid}"
        print()
        _print(
            f"--- {failure.point!r} {failure.status}, attempt {failure.attempt}, {where}, {local_time(failure.started)}"
        )
        print(printable(failure.traceback.rstrip() or failure.exc_type, lines=True))
        if failure.status == "damaged":
            continue
        output = space.outputs(failure.point)
        for title, text in (("stdout", output.stdout), ("stderr", output.stderr), ("log", output.logs)):
            if text:
                print(f"[{title}]\n{printable(text.rstrip(), lines=True)}")
    return 0


def _export(store: Store, options: argparse.Namespace) -> int:
    space = _space(store, options)
    print(f"{count(len(space), 'evaluation')} in {space.export(options.output)}")
    return 0


def _delete(store: Store, options: argparse.Namespace) -> int:
    space = _space(store, options)
    where = {} if options.status is None else {"status": options.status}
    number = sum(each.status == options.status for each in space) if where else len(space)
    kind = "evaluation" if options.status is None else f"{options.status} evaluation"
    what = f"{count(number, kind)} of {space.info.slug}"
    if not (options.yes or _agreed(f"delete {printable(what)}? They would have to be computed again.")):
        return 1
    print(f"deleted {count(space.delete(where), 'evaluation')}")
    return 0


def _gc(store: Store, options: argparse.Namespace) -> int:
    age = None if options.older_than is None else timedelta(days=options.older_than)
    size = None if options.larger_than is None else int(options.larger_than * 1e6)

    def gc(*, dry_run: bool) -> dict[str, int]:
        return store.gc(options.keep_versions, older_than=age, larger_than=size, dry_run=dry_run)

    would = gc(dry_run=True)
    if options.dry_run:
        print(f"{count(would['spaces'], 'result set')}, {count(would['evaluations'], 'evaluation')} would be removed")
        return 0
    if would["evaluations"] and not (options.yes or _agreed(f"delete {count(would['evaluations'], 'evaluation')}?")):
        return 1
    print(", ".join(f"{number} {what}" for what, number in gc(dry_run=False).items()) + " removed")
    return 0


def _space(store: Store, options: argparse.Namespace) -> Space:
    if options.space is not None:
        return store.space(options.space)
    return store.space("")  # the only one, or an error that lists them


def _print(line: str) -> None:
    """Print a line that may hold text from the store."""
    print(printable(line))


def _agreed(question: str) -> bool:
    try:
        answer = input(f"{question} [y/N] ")
    except EOFError:
        answer = ""
    if answer.strip().lower() not in ("y", "yes"):
        print("nothing was changed")
        return False
    return True


def _counted(space: Space) -> str:
    return ", ".join(f"{number} {status}" for status, number in sorted(space.counts.items())) or "empty"


if __name__ == "__main__":
    sys.exit(main())
