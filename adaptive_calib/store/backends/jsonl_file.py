"""Files of JSON lines that only grow: the first line names the format, a torn last line is removed.

A process that is killed leaves at most a part of a last line. A reader ignores it; a writer cuts it off before it
appends, or the next record would continue it and be lost with it. Files are written without a buffer, so that a write
that fails leaves nothing behind that a later one would write again.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from io import FileIO
from pathlib import Path
from typing import Any

from adaptive_calib.store.errors import EmptyStoreError, NewerStoreError, NotAStoreError, StoreError

__all__ = ["LineFormat", "append", "cut_torn_line"]

_KEY = "format"


class LineFormat:
    """One format of such files.

    Parameters
    ----------
    name : str
        Stands in the first line of each file.
    version : int
        The newest version that is known here.

    Attributes
    ----------
    start : bytes
        The begin of each file.
    """

    def __init__(self, name: str, version: int) -> None:
        self.name = name
        self.version = version
        self.start = b'{"' + _KEY.encode() + b'":"' + name.encode()

    def open(self, path: Path) -> FileIO:
        """Open a file to append to; make it, with its folder, if it is not there.

        Raises
        ------
        NotAStoreError, NewerStoreError
            If it is something else, or of a newer version; it is not changed then.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        file = FileIO(path, "ab+")
        try:
            file.seek(0)
            begin = file.read(10_000) or b""
            if not (begin.startswith(self.start) or self.start.startswith(begin)):
                raise NotAStoreError(
                    f"{path} is not a {self.name}: it begins with {begin[:40]!r}. Nothing was changed."
                )
            line, end, _ = begin.partition(b"\n")
            if end:
                self._check(line, path)
            cut_torn_line(file)
            if file.seek(0, os.SEEK_END) == 0:
                append(file, self.line({_KEY: self.name, "version": self.version}))
        except BaseException:
            file.close()
            raise
        return file

    def read(self, path: Path, damaged: list[str] | None = None) -> Iterator[tuple[int, Any]]:
        """Iterate over the numbers and records of the complete lines but the first.

        Parameters
        ----------
        path : Path
            The file.
        damaged : list of str, optional
            Gets a text for each line that cannot be read, instead of an error.

        Raises
        ------
        FileNotFoundError, NotAStoreError, NewerStoreError, EmptyStoreError
            If there is no such file, it is something else, of a newer version, or its first line is not written yet;
            raised by the call itself.
        StoreError
            If a complete line is damaged, unless `damaged` is given.
        """
        lines = path.read_bytes().split(b"\n")
        torn = lines.pop()
        if not lines and (torn.startswith(self.start) or self.start.startswith(torn)):
            raise EmptyStoreError(path)
        if not lines:
            raise NotAStoreError(f"{path} has no complete first line, so it is not a {self.name}, or it is empty.")
        self._check(lines[0], path)
        return self._records(lines, path, damaged)

    def read_on(self, path: Path, position: int) -> tuple[list[Any], int]:
        """Return the records of the complete lines from a position, and the position behind them.

        Raises
        ------
        StoreError
            If a line is damaged.
        """
        with path.open("rb") as file:
            file.seek(position)
            new = file.read()
        lines = new[: new.rfind(b"\n") + 1].split(b"\n")[:-1]
        # number 1 stands for the line before, which is left out
        records = [record for _, record in self._records([b"", *lines], path, None)]
        return records, position + sum(map(len, lines)) + len(lines)

    def _records(self, lines: list[bytes], path: Path, damaged: list[str] | None) -> Iterator[tuple[int, Any]]:
        for number, line in enumerate(lines[1:], start=2):
            try:
                yield number, json.loads(line)
            except (ValueError, RecursionError) as error:
                text = f"line {number} of {path} is damaged: {line[:80]!r} ({error})."
                if damaged is None:
                    raise StoreError(text) from error
                damaged.append(text)

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
            raise NotAStoreError(f"{path} is not a {self.name}: it begins with {line[:40]!r}. Nothing was changed.")
        if not isinstance(head.get("version"), int):
            raise NotAStoreError(f"{path} is not a {self.name}: its first line has no version. Nothing was changed.")
        if head["version"] > self.version:
            raise NewerStoreError(
                f"{path} has format {head['version']}, and this adaptive_calib reads {self.name}s up to "
                f"{self.version}; use a newer one. Nothing was changed."
            )


def cut_torn_line(file: FileIO) -> None:
    """Cut off what stands after the last end of line."""
    end = position = file.seek(0, os.SEEK_END)
    while position > 0:
        start = max(0, position - 65536)
        file.seek(start)
        found = (file.read(position - start) or b"").rfind(b"\n")
        if found >= 0:
            position = start + found + 1
            break
        position = start
    if position < end:
        file.truncate(position)


def append(file: FileIO, content: bytes) -> None:
    """Append to a file, all or nothing: what an error leaves behind is cut off again, and the error raised."""
    end, rest = file.seek(0, os.SEEK_END), memoryview(content)
    try:
        while rest:
            rest = rest[file.write(rest) or 0 :]
    except OSError:
        file.truncate(end)
        raise
