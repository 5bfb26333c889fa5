"""Snapshots: one file, old or new, never half."""

from __future__ import annotations

import gzip
import os
import pickle
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from adaptive_calib.learner import AverageLearner, Learner1D
from adaptive_calib.learner_io import snapshot
from adaptive_calib.learner_io.snapshot import DamagedSnapshotError, read, write

DATA = {0.5: 1.0, 1.0: (2.0, 3.0)}


@pytest.mark.parametrize("compress", [True, False])
def test_there_and_back(tmp_path: Path, compress: bool) -> None:
    """What was written is read; directories are made; nothing else is left beside it."""
    place = tmp_path / "a" / "b" / "data.p"
    write(place, DATA, compress)
    assert read(place, compress) == DATA
    assert list(place.parent.iterdir()) == [place]


def test_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A ~ is the home directory."""
    monkeypatch.setenv("HOME", str(tmp_path))
    write("~/data.p", DATA)
    assert (tmp_path / "data.p").exists()
    assert read("~/data.p") == DATA


def test_files_of_the_peer(tmp_path: Path) -> None:
    """Files that python-adaptive wrote, gzip or not, are read, and ours are pickles of the same shape."""
    place = tmp_path / "data.p"
    place.write_bytes(gzip.compress(pickle.dumps(DATA)))
    assert read(place) == DATA
    place.write_bytes(pickle.dumps(DATA))
    assert read(place, compress=False) == DATA
    write(place, DATA)
    assert pickle.loads(gzip.decompress(place.read_bytes())) == DATA


def test_shapes_of_the_peer(tmp_path: Path) -> None:
    """Old files are of the shapes that the learners read: a dict, and (data, npoints, sum, sum of squares)."""
    place = tmp_path / "data.p"
    write(place, {0.0: 1.0, 1.0: 3.0, 0.5: 2.0})
    line = Learner1D(abs, (0, 1))
    line.load(place)
    assert line.npoints == 3
    write(place, ({0: 1.0, 1: 3.0}, 2, 4.0, 10.0))
    average = AverageLearner(abs, atol=0.1)
    average.load(place)
    assert (average.npoints, average.mean, average.sum_f, average.sum_f_sq) == (2, 2.0, 4.0, 10.0)


def test_missing_file(tmp_path: Path) -> None:
    """A file that is not there is a FileNotFoundError, which is no damage."""
    with pytest.raises(FileNotFoundError):
        read(tmp_path / "none.p")


@pytest.mark.parametrize("compress", [True, False])
def test_truncated(tmp_path: Path, compress: bool) -> None:
    """A file cut at any place is damaged, and is left as it is."""
    place = tmp_path / "data.p"
    write(place, DATA, compress)
    whole = place.read_bytes()
    for length in range(len(whole)):
        place.write_bytes(whole[:length])
        with pytest.raises(DamagedSnapshotError, match=r"data\.p"):
            read(place, compress)
        assert place.read_bytes() == whole[:length]


def test_wrong_compress(tmp_path: Path) -> None:
    """The other `compress` is an error that says which to use."""
    place = tmp_path / "data.p"
    write(place, DATA, compress=True)
    with pytest.raises(DamagedSnapshotError, match="compress=True"):
        read(place, compress=False)
    write(place, DATA, compress=False)
    with pytest.raises(DamagedSnapshotError, match="compress=False"):
        read(place, compress=True)


def test_no_snapshot(tmp_path: Path) -> None:
    """Any other file is damaged, too."""
    place = tmp_path / "data.p"
    place.write_text("x,y\n0,1\n")
    for compress in (True, False):
        with pytest.raises(DamagedSnapshotError):
            read(place, compress)


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_failed_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    """When writing fails the error is raised, the old file is whole, and no part of the new one is left."""
    place = tmp_path / "data.p"
    write(place, "old")

    def fail(*args: Any) -> None:
        raise OSError("no space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(snapshot.os, call, fail)
        with pytest.raises(OSError, match="no space left"):
            write(place, "new")
    assert read(place) == "old"
    assert list(tmp_path.iterdir()) == [place]


def test_unpicklable(tmp_path: Path) -> None:
    """What cannot be pickled is an error before any file is touched."""
    place = tmp_path / "data.p"
    write(place, "old")
    with pytest.raises(TypeError):
        write(place, {"lock": sys._getframe()})
    assert read(place) == "old"


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
def test_permissions(tmp_path: Path) -> None:
    """A new file has the permissions of an ordinary one, a replaced file keeps its own."""
    place, ordinary = tmp_path / "data.p", tmp_path / "ordinary"
    ordinary.touch()
    write(place, DATA)
    assert stat.S_IMODE(place.stat().st_mode) == stat.S_IMODE(ordinary.stat().st_mode)
    place.chmod(0o640)
    write(place, DATA)
    assert stat.S_IMODE(place.stat().st_mode) == 0o640


@pytest.mark.skipif(os.name != "posix", reason="symbolic links of POSIX")
def test_link(tmp_path: Path) -> None:
    """Through a link the file behind it is replaced, and the link stays."""
    place, link = tmp_path / "elsewhere" / "data.p", tmp_path / "link.p"
    place.parent.mkdir()
    link.symlink_to(place)
    write(link, DATA)
    assert link.is_symlink()
    assert read(place) == DATA


_KILLED = """
import os, sys
from adaptive_calib.learner_io import snapshot
rename = os.replace
def replace(a, b):
    os._exit(9)
snapshot.os.replace = replace
snapshot.write(sys.argv[1], "new")
"""


def test_killed_before_the_rename(tmp_path: Path) -> None:
    """A process that dies before the new file takes its place leaves the old one."""
    place = tmp_path / "data.p"
    write(place, "old")
    done = subprocess.run([sys.executable, "-c", _KILLED, str(place)], check=False)
    assert done.returncode == 9
    assert read(place) == "old"
