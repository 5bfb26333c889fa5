"""The folder of large results beside a store."""

from __future__ import annotations

import os
import re
from pathlib import Path

from adaptive_calib.store.atomic import below, write_atomically

__all__ = ["SideFiles"]

_NAME = re.compile(r"[0-9A-Za-z][0-9A-Za-z_-]{2,250}")
#: What `clean` may remove: names that stores give, and what an interrupted `write_atomically` leaves.
_OWN = re.compile(r"[0-9a-f]{32}-[0-9a-f]{8}-[0-9A-Za-z_-]*|\.tmp-[0-9a-f]{16}")


class SideFiles:
    """The files of large results, by the names that rows have for them. No name leads out of the folder.

    Parameters
    ----------
    folder : Path
        ``<store>.files``; made with the first file. It may be a symbolic link, but not what is in it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @staticmethod
    def is_name(name: str) -> bool:
        """Whether a text can be the name of a file in the folder."""
        return _NAME.fullmatch(name) is not None

    def write(self, name: str, content: bytes) -> None:
        """Write the file `name`; it is complete when this returns."""
        write_atomically(self._path(name), content)

    def read(self, name: str) -> bytes:
        """Return the content of the file `name`."""
        return self._path(name).read_bytes()

    def remove(self, name: str) -> None:
        """Remove the file `name` if it is there."""
        self._path(name).unlink(missing_ok=True)

    def _path(self, name: str) -> Path:
        if not self.is_name(name):
            raise ValueError(f"{name!r:.120} is no name of a file beside a store.")
        return below(self.folder, "results", name[:2], name)

    def clean(self, wanted: set[str]) -> int:
        """Remove the files of stores that are not in `wanted`; return how many there were. Links are not followed."""
        results, removed = self.folder / "results", 0
        if results.is_symlink() or not results.is_dir():
            return 0
        with os.scandir(results) as folders:
            inner = [entry.path for entry in folders if entry.is_dir(follow_symlinks=False) and len(entry.name) == 2]
        for place in inner:
            with os.scandir(place) as files:
                unused = [f.path for f in files if _OWN.fullmatch(f.name) and f.name not in wanted]
            for path in unused:
                Path(path).unlink(missing_ok=True)
            removed += len(unused)
        return removed
