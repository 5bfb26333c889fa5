"""The folders in which evaluations keep files of their own: ``<store>.files/artifacts/<result set>/<point>``."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from adaptive_calib.store.atomic import below
from adaptive_calib.store.rows import Key

__all__ = ["artifact_folder", "clean_artifacts", "remove_artifacts"]


def artifact_folder(place: Path, key: Key) -> Path:
    """Return the folder of one evaluation below a store's folder; it need not exist."""
    split = "".join(c if c.isalnum() else "_" for c in key.split)
    name = f"{key.point_uid}-{split}-{key.replicate}" if key.split or key.replicate else key.point_uid
    return below(place, "artifacts", key.space, name)


def remove_artifacts(place: Path | None, keys: Iterable[Key]) -> None:
    """Remove the folders of evaluations whose rows were deleted."""
    if place is not None:
        for folder in _own_folders(place, keys):
            shutil.rmtree(folder, ignore_errors=True)


def clean_artifacts(place: Path | None, keys: Iterable[Key], result_sets: Iterable[str]) -> int:
    """Remove the folders of evaluations that have no row, and the sub-results of result sets that are gone.

    Parameters
    ----------
    place : Path or None
        The store's folder.
    keys
        The keys of all rows.
    result_sets
        The uids of all result sets.

    Returns
    -------
    int
        How many folders were removed. Symbolic links are left alone.
    """
    if place is None:
        return 0
    wanted, known, removed = set(_own_folders(place, keys)), set(result_sets), 0
    for folder in _folders(place / "artifacts"):
        for each in _folders(folder):
            if each not in wanted:
                shutil.rmtree(each, ignore_errors=True)
                removed += 1
        if folder.name not in known and not any(folder.iterdir()):
            folder.rmdir()
    for folder in _folders(place / "memo"):
        if folder.name not in known:
            shutil.rmtree(folder, ignore_errors=True)
            removed += 1
    return removed


def _own_folders(place: Path, keys: Iterable[Key]) -> Iterator[Path]:
    for key in keys:
        with suppress(ValueError, TypeError):  # a name or a link that leads elsewhere, or a damaged key: left alone
            yield artifact_folder(place, key)


def _folders(place: Path) -> list[Path]:
    if place.is_symlink() or not place.is_dir():
        return []
    return [path for path in place.iterdir() if path.is_dir() and not path.is_symlink()]
