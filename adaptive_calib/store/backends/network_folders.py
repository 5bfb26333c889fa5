"""Whether a folder is on the network, where SQLite's write-ahead log does not work."""

from __future__ import annotations

from pathlib import Path

from adaptive_calib._warnings import warn_caller
from adaptive_calib.store.errors import StoreWarning

__all__ = ["file_system", "warn_of_network_folder"]

NETWORK = ("nfs", "lustre", "smb", "cifs", "fuse", "gpfs", "beegfs", "ceph", "afs")


def file_system(path: Path, mounts: Path = Path("/proc/mounts")) -> str:
    """Return the type of the file system that holds `path`, as the system calls it; ``""`` where it does not say."""
    try:
        lines = mounts.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:  # no such list on this system
        return ""
    place = path.absolute()
    found = ("", "")
    for line in lines:
        fields = line.split()
        if len(fields) > 2:
            mount = fields[1].replace("\\040", " ")
            if place.is_relative_to(mount) and len(mount) >= len(found[0]):
                found = (mount, fields[2])
    return found[1]


def warn_of_network_folder(path: Path, mounts: Path = Path("/proc/mounts")) -> None:
    """Warn if a database with a write-ahead log would lie on a network folder."""
    kind = file_system(path, mounts)
    if kind.startswith(NETWORK) and "overlay" not in kind:  # fuse-overlayfs is the local disk of a container
        warn_caller(
            f"{path} is on a network folder ({kind}), where several hosts can damage a database with a write-ahead "
            'log. Use a local disk, SQLiteStore(path, journal="DELETE") (slow), or JournalStore(path) (one writer).',
            StoreWarning,
        )
