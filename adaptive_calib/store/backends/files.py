"""Files that are complete or absent: written under another name, then renamed."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

__all__ = ["SideFiles", "write_atomically"]


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file so that nobody ever sees a part of it; folders are made as needed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=".tmp-", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


class SideFiles:
    """The folder of large results beside a store, with the names that the rows have for them.

    Parameters
    ----------
    folder : Path
        ``<store>.files``; made with the first file.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._results = folder / "results"

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
        if "/" in name or "\\" in name or name.startswith("..") or len(name) < 3:
            raise ValueError(f"{name!r} is no name of a file beside a store.")
        return self._results / name[:2] / name

    def clean(self, wanted: set[str]) -> int:
        """Remove what is not in `wanted`; return how many files that were."""
        orphans = [path for path in self._results.glob("*/*") if path.name not in wanted]
        for path in orphans:
            path.unlink(missing_ok=True)
        return len(orphans)
