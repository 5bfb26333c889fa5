"""A SLURM of two nodes on this machine, on loopback: ``with slurm(folder) as environment``.

Needs root, and Debian's packages ``slurm-wlm`` and ``munge``. The daemons run in the foreground as children of this
process, so that nothing is left when the tests end. The nodes claim more processors than there are
(``config_overrides``), so that a page which asks for eight workers a job runs as it is printed.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from tests.processes import serving

__all__ = ["empty_queue", "missing", "slurm"]

CONFIGURATION = """\
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
SlurmctldPort=17817
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd-%n.log
AuthType=auth/munge
ProctrackType=proctrack/pgid
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SlurmdParameters=config_overrides
MpiDefault=none
ReturnToService=2
KillWait=5
MinJobAge=60
JobAcctGatherType=jobacct_gather/none
NodeName=n1 NodeHostname={host} NodeAddr=127.0.0.1 Port=17818 CPUs=8 RealMemory=16000 State=UNKNOWN
NodeName=n2 NodeHostname={host} NodeAddr=127.0.0.1 Port=17819 CPUs=8 RealMemory=16000 State=UNKNOWN
PartitionName=normal Nodes=n1,n2 Default=YES MaxTime=1440 State=UP
"""

KEY = Path("/etc/munge/munge.key")
SOCKET = Path("/run/munge/munge.socket.2")


def missing() -> str | None:
    """Return why there can be no SLURM on this machine, or None."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        return "the daemons of SLURM need root"
    absent = [name for name in ("slurmctld", "slurmd", "sbatch", "munged") if shutil.which(name) is None]
    return f"{', '.join(absent)} not installed (Debian: slurm-wlm, munge)" if absent else None


def _daemon(*command: str) -> contextlib.AbstractContextManager[object]:
    """Run a daemon in the foreground until the block is left."""
    nowhere = subprocess.DEVNULL
    return serving(list(command), stdin=nowhere, stdout=nowhere, stderr=nowhere)


def _until(happened, what: str, seconds: float = 30) -> None:
    """Wait until ``happened()`` is true; fail with `what` was waited for."""
    deadline = time.monotonic() + seconds
    while not happened():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what} did not happen within {seconds} s")
        time.sleep(0.2)


def _munge_answers() -> bool:
    """Whether a munge daemon makes credentials."""
    return subprocess.run(["munge", "-n"], capture_output=True, check=False).returncode == 0


@contextlib.contextmanager
def _munge() -> Iterator[None]:
    """Authentication: the daemon of this machine if it runs, else one for the block."""
    if _munge_answers():
        yield
        return
    KEY.parent.mkdir(exist_ok=True)
    if not KEY.exists() or KEY.stat().st_size == 0:
        KEY.write_bytes(secrets.token_bytes(1024))
    shutil.chown(KEY, "munge", "munge")
    KEY.chmod(0o400)
    SOCKET.parent.mkdir(exist_ok=True)
    shutil.chown(SOCKET.parent, "munge", "munge")
    with _daemon("runuser", "-u", "munge", "--", "munged", "--foreground", "--force"):
        _until(_munge_answers, "an answer of munged")
        yield


def _idle(environment: dict[str, str]) -> bool:
    """Whether both nodes take jobs."""
    shown = subprocess.run(
        ["sinfo", "-h", "-N", "-o", "%T"], env=environment, capture_output=True, text=True, check=False
    )
    return shown.stdout.split() == ["idle", "idle"]


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """Only one process at a time is in such a block: the ports are fixed, and tests may run in several processes."""
    import fcntl  # not on Windows

    with (Path(tempfile.gettempdir()) / "adaptive_calib-slurm.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def slurm(folder: Path) -> Iterator[dict[str, str]]:
    """Start the cluster in `folder`; give the environment in which ``sbatch`` and its kin find it."""
    for name in ("state", "spool-n1", "spool-n2"):
        (folder / name).mkdir(parents=True)
    configuration = folder / "slurm.conf"
    configuration.write_text(CONFIGURATION.format(host=socket.gethostname().partition(".")[0], folder=folder))
    environment = os.environ | {"SLURM_CONF": str(configuration)}
    options = ("-D", "-f", str(configuration))
    with (
        _alone(),
        _munge(),
        _daemon("slurmctld", *options),
        _daemon("slurmd", *options, "-N", "n1"),
        _daemon("slurmd", *options, "-N", "n2"),
    ):
        _until(lambda: _idle(environment), "two idle nodes", 60)
        try:
            yield environment
        finally:
            empty_queue(environment)


def empty_queue(environment: dict[str, str]) -> None:
    """Cancel all jobs and wait until they are gone."""
    subprocess.run(["scancel", "-u", "root"], env=environment, check=True)

    def none_left() -> bool:
        return not subprocess.run(["squeue", "-h"], env=environment, capture_output=True, text=True, check=True).stdout

    _until(none_left, "an empty queue", 60)
