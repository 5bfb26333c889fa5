"""Files of JSON lines that only grow: the first line names the format, a torn last line is mended.

A process that is killed leaves at most a part of a last line. A reader ignores it; a writer cuts it off before it
appends, or the next record would be glued to it and lost with it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from adaptive_calib.store.errors import NewerStoreError, NotAStoreError, StoreError

__all__ = ["LineFormat"]

_KEY = "format"


class LineFormat:
    """One format of such files.

    Parameters
    ----------
    name : str
        Stands in the first line of each file.
    version : int
        The newest version that is known here.
    """

    def __init__(self, name: str, version: int) -> None:
        self.name = name
        self.version = version
        self._start = b'{"' + _KEY.encode() + b'":"' + name.encode()

    def open(self, path: Path) -> BinaryIO:
        """Open a file to append to; make it, with its folder, if it is not there.

        Raises
        ------
        NotAStoreError, NewerStoreError
            If it is something else, or of a newer version; it is not changed then.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("ab+")
        try:
            file.seek(0)
            begin = file.read(len(self._start))
            if not (begin.startswith(self._start) or self._start.startswith(begin)):
                raise NotAStoreError(f"{path} is no {self.name}: it begins with {begin!r}. Nothing was changed.")
            file.seek(0)
            line = file.readline()
            if line.endswith(b"\n"):
                self._check(line, path)
            _cut_torn_line(file)
            if file.seek(0, os.SEEK_END) == 0:
                file.write(self.line({_KEY: self.name, "version": self.version}))
                file.flush()
        except BaseException:
            file.close()
            raise
        return file

    def read(self, path: Path) -> Iterator[tuple[int, Any]]:
        """Iterate over the numbers and records of the complete lines but the first.

        Raises
        ------
        FileNotFoundError, NotAStoreError, NewerStoreError
            At once, if there is no such file, it is something else, or of a newer version.
        StoreError
            If a complete line is damaged.
        """
        lines = path.read_bytes().split(b"\n")
        lines.pop()  # empty, or torn
        if not lines:
            raise NotAStoreError(f"{path} has no complete first line, so it is no {self.name}, or an empty one.")
        self._check(lines[0], path)
        return self._records(lines, path)

    def _records(self, lines: list[bytes], path: Path) -> Iterator[tuple[int, Any]]:
        for number, line in enumerate(lines[1:], start=2):
            try:
                yield number, json.loads(line)
            except ValueError as error:
                raise StoreError(f"line {number} of {path} is damaged: {line[:80]!r} ({error}).") from error

    @staticmethod
    def line(record: dict[str, Any]) -> bytes:
        """Return a record as a line."""
        return json.dumps(record, separators=(",", ":")).encode("ascii") + b"\n"

    def _check(self, line: bytes, path: Path) -> None:
        try:
            head = json.loads(line)
        except ValueError:
            head = None
        if not isinstance(head, dict) or head.get(_KEY) != self.name:
            raise NotAStoreError(f"{path} is no {self.name}: it begins with {line[:40]!r}. Nothing was changed.")
        if head.get("version", 0) > self.version:
            raise NewerStoreError(
                f"{path} has format {head['version']}, and this adaptive_calib reads {self.name}s up to "
                f"{self.version}; use a newer one. Nothing was changed."
            )


def _cut_torn_line(file: BinaryIO) -> None:
    """Cut off what stands after the last end of line."""
    end = position = file.seek(0, os.SEEK_END)
    while position > 0:
        start = max(0, position - 65536)
        file.seek(start)
        found = file.read(position - start).rfind(b"\n")
        if found >= 0:
            position = start + found + 1
            break
        position = start
    if position < end:
        file.truncate(position)
