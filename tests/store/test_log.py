"""The log on disk: a line per call, mended when it is torn, read by every later version."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from adaptive_calib.engine.events import LogEntry
from adaptive_calib.store import NewerStoreError, NotAStoreError, StoreError, open_log, read_log
from tests.processes import started

GOLDEN = Path(__file__).parent / "golden" / "log-1.jsonl"

ENTRIES = [
    LogEntry(0.0, "ask", (2,), (0.5, (1, 0.25))),
    LogEntry(0.5, "tell", (0.5, {"y": 1.0, "n": None})),
    LogEntry(0.75, "failed", ((1, 0.25), 1, "ValueError('ü')"), (), True),
    LogEntry(1.0, "tell_many", ([0.1], [float("inf")])),
    LogEntry(1.5, "remove_unfinished", ()),
]


def written(path: Path, entries: list[LogEntry]) -> None:
    """Append entries to a log."""
    log = open_log(path)
    log.write(entries)
    log.close()


def test_entries_come_back_as_they_were(tmp_path: Path) -> None:
    """Reading gives what was written, over several runs."""
    path = tmp_path / "runs" / "a.jsonl"
    written(path, ENTRIES[:2])
    written(path, ENTRIES[2:])
    assert list(read_log(path)) == ENTRIES
    written(path, [LogEntry(2.0, "tell", (0.5, np.arange(3)))])
    assert list(read_log(path))[-1].args[1].tolist() == [0, 1, 2]


def test_the_log_of_the_first_version_is_read(tmp_path: Path) -> None:
    """The stored file of format 1 gives its entries, and is what is written today."""
    assert list(read_log(GOLDEN)) == ENTRIES
    written(tmp_path / "a.jsonl", ENTRIES)
    assert (tmp_path / "a.jsonl").read_bytes() == GOLDEN.read_bytes()


@pytest.mark.parametrize("change", ["a digit", "a line left out", "a line doubled", "lines exchanged"])
def test_a_changed_log_is_damaged(tmp_path: Path, change: str) -> None:
    """No call with another value, and none left out, is ever replayed."""
    path = tmp_path / "a.jsonl"
    written(path, ENTRIES)
    head, *lines = path.read_bytes().splitlines(keepends=True)
    match change:
        case "a digit":
            lines[1] = lines[1].replace(b"1.0", b"7.0")
        case "a line left out":
            del lines[1]
        case "a line doubled":
            lines.insert(2, lines[1])
        case _:
            lines[1:3] = lines[2], lines[1]
    path.write_bytes(b"".join([head, *lines]))
    with pytest.raises(StoreError, match=r"line [34] of .* is damaged"):
        list(read_log(path))


@pytest.mark.parametrize("left", [1, 10, 30])
def test_no_record_is_lost_after_a_torn_line(tmp_path: Path, left: int) -> None:
    """Read, append, read: what follows a torn last line is not glued to it."""
    path = tmp_path / "a.jsonl"
    written(path, ENTRIES)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:-1]) + lines[-1][:left])
    assert list(read_log(path)) == ENTRIES[:-1]
    written(path, ENTRIES[-1:])
    assert list(read_log(path)) == ENTRIES


def test_a_torn_first_line_begins_anew(tmp_path: Path) -> None:
    """A process killed in its first write leaves a file that can be used."""
    path = tmp_path / "a.jsonl"
    path.write_bytes(GOLDEN.read_bytes()[:12])
    with pytest.raises(NotAStoreError, match="is empty"):
        read_log(path)
    written(path, ENTRIES)
    assert list(read_log(path)) == ENTRIES


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b"some notes of mine\n", NotAStoreError),
        (b"some notes", NotAStoreError),
        (b'{"format":"other"}\n', NotAStoreError),
        (b'{"format":"adaptive_calib run log","version":99}\n', NewerStoreError),
        (b'{"format":"adaptive_calib run log","version":99}\n{"to', NewerStoreError),
    ],
)
def test_other_files_are_left_alone(tmp_path: Path, content: bytes, error: type[Exception]) -> None:
    """What is no log, or of a newer version, keeps its bytes."""
    path = tmp_path / "a.jsonl"
    path.write_bytes(content)
    with pytest.raises(error):
        open_log(path)
    with pytest.raises((error, NotAStoreError)):
        read_log(path)
    assert path.read_bytes() == content


@pytest.mark.parametrize("line", [b"nonsense", b"{}", b'{"t":1,"call":"x","args":"{"}', b"[1]"])
def test_a_damaged_line_is_named(tmp_path: Path, line: bytes) -> None:
    """The error has the number of the line."""
    path = tmp_path / "a.jsonl"
    path.write_bytes(GOLDEN.read_bytes() + line + b"\n")
    with pytest.raises(StoreError, match=f"line {len(ENTRIES) + 2} "):
        list(read_log(path))


def test_values_that_cannot_be_stored_are_noted_as_text(tmp_path: Path) -> None:
    """A log never ends a run because of a value."""
    written(tmp_path / "a.jsonl", [LogEntry(0.0, "tell", (0.5, object()))])
    (entry,) = read_log(tmp_path / "a.jsonl")
    assert entry.args[1].text.startswith("<object object")


def test_a_closed_log_says_so(tmp_path: Path) -> None:
    """Writing after the end is an error, closing twice is none."""
    log = open_log(tmp_path / "a.jsonl")
    log.close()
    log.close()
    with pytest.raises(StoreError, match="closed"):
        log.write(ENTRIES)


def test_a_killed_writer_leaves_what_it_acknowledged(tmp_path: Path) -> None:
    """After SIGKILL every entry whose write had returned is read."""
    path = tmp_path / "a.jsonl"
    code = """
import sys
from adaptive_calib.engine.events import LogEntry
from adaptive_calib.store import open_log
log, n = open_log(sys.argv[1]), 0
while True:
    log.write([LogEntry(0.0, "tell", (n, "x" * 5000))])
    print(n, flush=True)
    n += 1
"""
    with started([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        for _ in range(50):
            process.stdout.readline()
        os.kill(process.pid, signal.SIGKILL)
        last = [int(x) for x in process.stdout.read().splitlines() if x][-1:] or [49]
    numbers = [entry.args[0] for entry in read_log(path)]
    assert numbers == list(range(len(numbers)))
    assert len(numbers) > last[0]
