"""Files that are complete or absent: written under a temporary name, then renamed."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

__all__ = ["below", "replacement", "write_atomically"]


@contextmanager
def replacement(path: Path) -> Iterator[Path]:
    """Context manager that gives a temporary path and renames it to `path` at the end; removes it after an error.

    The folder is made as needed. The temporary file is in the same folder and has the same ending. Write it with
    `open`, so that its permissions follow the umask: `tempfile.mkstemp` makes files that only their owner can read.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".tmp-{secrets.token_hex(8)}{path.suffix}")
    try:
        yield temporary
        os.replace(temporary, path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file so that no reader ever sees a part of it."""
    with replacement(path) as temporary, temporary.open("xb") as file:
        file.write(content)


def below(folder: Path, *names: str) -> Path:
    """Return a path below a folder, which may itself be a symbolic link.

    Raises
    ------
    ValueError
        If a name, or a symbolic link on the way, leads out of the folder.
    """
    path = folder.joinpath(*names)
    root = os.path.realpath(folder)
    if os.path.commonpath([root, os.path.realpath(path)]) != root or ".." in path.relative_to(folder).parts:
        raise ValueError(f"{path} leads out of {folder}: a name or a symbolic link on the way points elsewhere.")
    return path
