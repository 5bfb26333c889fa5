"""Kill runs, fill disks, damage files: ``python -m tests.benchmarks.faults kills|disks|damage NUMBER``.

Each trial is a child process with a run of its own on a new store. `strace` kills it at a random system call (kills),
or answers its writing calls with "no space left" from a random one on, for ever or for a while (disks). Then the store
is opened again and the run is finished. With `damage`, a random file of a finished store is changed: bits are flipped,
bytes removed, overwritten or doubled, the file is cut.

Counted are: results that the learner had been told and that are neither in the store nor named by the error; stores
that cannot be opened; wrong values; exceptions that are not explained; runs that do not end.
"""

from __future__ import annotations

import argparse
import json
import mmap
import os
import random
import shutil
import signal
import subprocess
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from adaptive_calib import BlockingRunner, SequenceLearner
from adaptive_calib.runner import SequentialExecutor
from adaptive_calib.runner.replay import ReplayError, replay_log
from adaptive_calib.store import Evaluation, FsspecStore, JournalStore, SQLiteStore, Store, StoreError

N = 12
HANG = 60.0
#: The system calls at which a run is killed.
ANY = "openat,read,pread64,write,pwrite64,fsync,fdatasync,ftruncate,rename,unlink,mkdir,lseek,fcntl,flock,close"
#: Those that need room on the disk.
WRITING = "write,pwrite64,writev,pwritev,fallocate,mkdir,rename,fsync,fdatasync"
KINDS: dict[str, Callable[[Path, bool], Store]] = {
    "sqlite": lambda folder, shared: SQLiteStore(folder / "s.db"),
    "jsonl": lambda folder, shared: JournalStore(folder / "s.jsonl", shared=shared),
    "objects": lambda folder, shared: FsspecStore(f"file://{folder}/objects"),
}


def value(i: int) -> Any:
    """Return the result of point i: small, or an array that has a file of its own."""
    return np.full(20_000, float(i)) if i % 5 == 3 else {"i": i, "t": (i, "x" * i)}


def same(one: Any, two: Any) -> bool:
    """Whether two results are equal."""
    return bool(np.array_equal(one, two)) if isinstance(two, np.ndarray) else bool(one == two)


class Board:
    """Memory that a child shares with its parent, so that it can report without system calls."""

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, 2 * N + 100_000)

    def tell(self, i: int) -> None:
        self._memory[i] = 1

    @property
    def told(self) -> set[int]:
        return {i for i in range(N) if self._memory[i]}

    def count(self) -> None:
        self._memory[N] += 1

    @property
    def evaluated(self) -> int:
        return self._memory[N]

    def write(self, text: str) -> None:
        content = text.encode("utf-8", "replace")[:99_000]
        self._memory[2 * N : 2 * N + len(content)] = content

    @property
    def text(self) -> str:
        return self._memory[2 * N :].split(b"\0", 1)[0].decode("utf-8", "replace")


class Told(SequenceLearner):
    """Notes what it is told."""

    board: Board

    def tell(self, x: Any, y: Any) -> None:
        self.board.tell(x[0])
        super().tell(x, y)

    def tell_many(self, xs: Any, ys: Any) -> None:
        for x in xs:
            self.board.tell(x[0])
        super().tell_many(xs, ys)


def run(store: Store, board: Board, *, shared: bool = False, **more: Any) -> Told:
    """Evaluate all points with a store."""

    def function(i: int) -> Any:
        board.count()
        return value(i)

    learner = Told(Evaluation(function, name="value", version="1", on_code_change="ignore"), range(N))
    learner.board = board
    if shared:
        more["share_every"] = 0.2
    BlockingRunner(learner, store=store, executor=SequentialExecutor(), **more)
    return learner


def in_child(work: Callable[[], None], board: Board, tracer: list[str] | None = None) -> str:
    """Call a function in a forked process; return "ok", "StoreError", "killed", "hang", or another exception's name."""
    go, gone = os.pipe()
    child = os.fork()
    if not child:
        os.close(gone)
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, 1)
        os.dup2(null, 2)
        os.read(go, 1)  # until the parent has closed its end
        code = 0
        try:
            work()
        except (StoreError, ReplayError, OSError, MemoryError) as error:
            code = 3
            board.write(f"{type(error).__name__}: {error}")
        except BaseException:  # noqa: BLE001 - what this is about
            code = 4
            board.write(traceback.format_exc())
        os._exit(code)
    os.close(go)
    strace = None
    if tracer is not None:
        strace = subprocess.Popen(["strace", "-f", "-qq", "-o", os.devnull, *tracer, "-p", str(child)])
        while f"TracerPid:\t{strace.pid}" not in Path(f"/proc/{child}/status").read_text():
            assert strace.poll() is None, "strace could not begin"
            time.sleep(0.002)
    os.close(gone)
    until = time.monotonic() + HANG
    found, status = os.waitpid(child, os.WNOHANG)
    while not found:
        if time.monotonic() > until:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return "hang"
        time.sleep(0.005)
        found, status = os.waitpid(child, os.WNOHANG)
    if strace is not None:
        strace.wait()
    if os.WIFSIGNALED(status):
        return "killed"
    return {0: "ok", 3: "StoreError"}.get(os.waitstatus_to_exitcode(status), "traceback")


@contextmanager
def folder() -> Iterator[Path]:
    """A folder that is removed in the end, and the current one meanwhile."""
    place = Path(tempfile.mkdtemp(prefix="faults-"))
    before = Path.cwd()
    os.chdir(place)
    try:
        yield place
    finally:
        os.chdir(before)
        shutil.rmtree(place, ignore_errors=True)


def finished(place: Path, kind: str, told: set[int], named: str, shared: bool) -> str:
    """Finish a run; return "" if all is right, else what is not."""
    board = Board()

    def work() -> None:
        with KINDS[kind](place, shared) as store:
            spaces = store.spaces()
            stored = {e.point: e.y for e in spaces[0]} if spaces else {}
            assert all(same(y, value(i)) for i, y in stored.items()), "a wrong value"
            lost = [i for i in told - stored.keys() if f" {i}" not in named.replace(",", "")]
            assert not lost, f"lost: {lost}"
            learner = run(store, board, shared=shared)
            assert all(same(learner.data[i], value(i)) for i in range(N)), "a wrong value"
            assert board.evaluated == N - len(stored), "a stored result was evaluated again"

    outcome = in_child(work, board)
    return "" if outcome == "ok" else f"{outcome}: {board.text[-2000:]}"


def calls_of(kind: str, names: str, shared: bool) -> list[str]:
    """Return the names of the system calls that the main thread of a run makes, in their order."""
    with folder() as place, tempfile.NamedTemporaryFile("r") as log:
        board = Board()
        outcome = in_child(lambda: _run(place, kind, board, shared), board, ["-e", f"trace={names}", "-o", log.name])
        assert outcome == "ok", board.text
        calls = [line.split(None, 1) for line in log]
    (main, _), *_ = Counter(pid for pid, _ in calls).most_common(1)
    return [call.partition("(")[0] for pid, call in calls if pid == main and "(" in call]


def _run(place: Path, kind: str, board: Board, shared: bool) -> None:
    with KINDS[kind](place, shared) as store:
        run(store, board, shared=shared)


def interrupted(
    number: int, rng: random.Random, names: str, inject: Callable[[list[str], int], list[str]]
) -> Counter[str]:
    """Interrupt runs at random system calls and finish them; return the numbers of outcomes.

    `inject` gives the options of `strace` for the calls of a run and the index of one of them.
    """
    outcomes: Counter[str] = Counter()
    calls = {(kind, shared): calls_of(kind, names, shared) for kind in KINDS for shared in (False, True)}
    for trial in range(number):
        kind, shared = list(calls)[trial % len(calls)]
        options = inject(calls[kind, shared], rng.randrange(len(calls[kind, shared])))
        tracer = ["-e", f"trace={names}", *(word for option in options for word in ("-e", f"inject={option}"))]
        with folder() as place:
            board = Board()
            outcome = in_child(partial(_run, place, kind, board, shared), board, tracer)
            wrong = finished(place, kind, board.told, board.text, shared)
            if outcome in ("traceback", "hang"):
                wrong = wrong or f"{outcome}: {board.text[-2000:]}"
        outcomes[f"{kind}: {outcome}"] += 1
        if wrong:
            outcomes["WRONG"] += 1
            print(f"trial {trial}, {kind}, shared={shared}, {options}: {wrong}", flush=True)
    return outcomes


def kills(number: int, rng: random.Random) -> Counter[str]:
    """Kill runs at random system calls."""

    def inject(calls: list[str], index: int) -> list[str]:
        return [f"{calls[index]}:signal=SIGKILL:when={calls[: index + 1].count(calls[index])}"]

    return interrupted(number, rng, ANY, inject)


def disks(number: int, rng: random.Random) -> Counter[str]:
    """Let the disk be full from a random system call on: for ever, or for up to 20 calls of each kind."""

    def inject(calls: list[str], index: int) -> list[str]:
        options, length = [], rng.choice((0, rng.randrange(1, 21)))
        for name in sorted(set(calls)):
            begin = calls[:index].count(name) + 1
            options.append(f"{name}:error=ENOSPC:when={begin}{f'..{begin + length}' if length else '+'}")
        return options

    return interrupted(number, rng, WRITING, inject)


def _changed(content: bytearray, rng: random.Random) -> bytearray:
    """Damage the content of a file in one of eight ways."""
    start = rng.randrange(len(content))
    size = rng.choice((1, 10, 100, 1000, 4096))
    match rng.randrange(8):
        case 0:
            content[start] ^= 1 << rng.randrange(8)
        case 1:
            del content[start : start + size]
        case 2:
            content[start : start + size] = rng.randbytes(len(content[start : start + size]))
        case 3:
            content[start : start + size] = bytes(len(content[start : start + size]))
        case 4:
            content[start:start] = content[start : start + size]
        case 5:
            del content[start:]
        case 6:
            text = b'0123456789eE.-+"{}[]:,ntf'
            content[start] = rng.choice(text)
        case _:
            other = rng.randrange(len(content))
            content[start : start + size], content[other : other + size] = (
                content[other : other + size], content[start : start + size],
            )  # fmt: skip
    return content


def damage(number: int, rng: random.Random) -> Counter[str]:
    """Damage files of stores of every kind, and of run logs, and use them."""
    outcomes: Counter[str] = Counter()
    with folder() as origin:
        for kind in KINDS:
            (origin / kind).mkdir()
            in_child(partial(_prepare, origin / kind, kind), Board())
        for trial in range(number):
            kind = [*KINDS, "log"][trial % 4]
            source = origin / ("jsonl" if kind == "log" else kind)
            place = origin / "trial"
            shutil.copytree(source, place)
            files = sorted(p for p in place.rglob("*") if p.is_file() and p.stat().st_size)
            file = place / "run.log" if kind == "log" else rng.choice([p for p in files if p.name != "run.log"])
            before = file.read_bytes()
            after = bytes(_changed(bytearray(before), rng))
            file.write_bytes(after)
            board = Board()
            work = _replayed if kind == "log" else _used
            outcome = in_child(partial(work, place, kind, board), board)
            outcomes[f"{kind}: {outcome}"] += 1
            if outcome in ("traceback", "hang"):
                outcomes["WRONG"] += 1
                print(f"trial {trial}, {file.relative_to(place)}: {outcome}: {board.text[-2500:]}", flush=True)
            shutil.rmtree(place)
    return outcomes


def _prepare(place: Path, kind: str) -> None:
    """Make a finished store, with a claim that was left, a failure, and the log of its run."""
    store = KINDS[kind](place, False)
    run(store, Board(), log=place / "run.log")
    (space,) = store.spaces()
    key = store.iter(space.uid).__next__().key
    store.beat("elsewhere/1/run", 1)
    store.claim([key._replace(point_uid="0" * 32)], "elsewhere/1/run")
    if kind != "sqlite":
        store.close()
        return
    os._exit(0)  # leaves the write-ahead log


def _used(place: Path, kind: str, board: Board) -> None:
    with KINDS[kind](place, False) as store:
        for space in store.spaces():
            list(space)
        store.read_runs()
        store.beats()
        learner = run(store, board)
    assert all(same(learner.data[i], value(i)) for i in range(N)), "a wrong value"


def _replayed(place: Path, kind: str, board: Board) -> None:
    learner = Told(value, range(N))
    learner.board = board
    replay_log(learner, place / "run.log")
    assert all(same(y, value(i)) for i, y in learner.data.items()), "a wrong value"


def main() -> None:
    """Run trials, and print the outcomes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("kills", "disks", "damage"))
    parser.add_argument("number", type=int)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    work = {"kills": kills, "disks": disks, "damage": damage}[options.what]
    begin = time.monotonic()
    outcomes = work(options.number, random.Random(options.seed))
    print(json.dumps({**outcomes, "WRONG": outcomes["WRONG"], "seconds": round(time.monotonic() - begin)}, indent=1))


if __name__ == "__main__":
    main()
