"""A calibration on a dask cluster: one on this machine, or the one whose scheduler listens at ``--address``.

The runner takes the dask client as its executor and leaves the cluster open. Each result is stored before it is used,
so that a run continues after the loss of a worker (its experiments are given to others), of the cluster, or of this
program. To see it, run the command, interrupt it with Ctrl-C, and repeat it with more workers: the table is the same as
that of an undisturbed run.

On a cluster with a queue, start a scheduler and workers (``dask scheduler``, ``dask worker``, or dask-jobqueue), and
pass its address. Workers need this package and nothing of the store.

Half a minute on two cores. Needs dask: pip install 'adaptive_calib[dask]'.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import command

from adaptive_calib.calibration import CalibrationLearner
from adaptive_calib.examples.blackbody.distributions import Infrared

__all__ = ["connected", "learner", "main"]


def learner(experiments: int) -> CalibrationLearner:
    """Return the learner of the example: Planck's law against Rayleigh and Jeans in the infrared."""
    return CalibrationLearner(Infrared(experiments), Ldata=1024, Linf=12288, c_tol=1.0, band=0.15)


@contextmanager
def connected(address: str | None, workers: int | None) -> Iterator[Any]:
    """Connect to the scheduler at `address`, or to a cluster of processes on this machine; what was opened is closed.

    Raises
    ------
    ModuleNotFoundError
        If dask's distributed is missing; says what to install.
    """
    try:
        from distributed import Client, LocalCluster
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "this example needs a dask cluster, but distributed is missing: pip install 'adaptive_calib[dask]'"
        ) from error
    if address is not None:
        with Client(address) as client:  # type: ignore[no-untyped-call]  # dask has no types
            yield client
        return
    with (
        LocalCluster(  # type: ignore[no-untyped-call]  # dask has no types
            n_workers=workers, threads_per_worker=1, dashboard_address=":0", host="127.0.0.1"
        ) as cluster,
        Client(cluster) as client,  # type: ignore[no-untyped-call]  # dask has no types
    ):
        yield client


def main(argv: Sequence[str] | None = None) -> int:
    """Run the example; return the exit status: 0, 1 without dask, or 130 after Ctrl-C."""
    parser = command.parser("cluster", __doc__, "cluster")
    parser.add_argument("--experiments", type=int, default=512, metavar="N", help="at most (default: %(default)s)")
    parser.add_argument("--address", default=None, help="of a scheduler, such as tcp://10.0.0.1:8786")
    options = parser.parse_args(argv)
    options.output.mkdir(parents=True, exist_ok=True)
    one = learner(options.experiments)
    try:
        with connected(options.address, options.workers) as client:
            print(f"{len(client.nthreads())} workers at {client.scheduler.address}")
            ended = command.calibrate(one, options.store or options.output / "results.db", client)
    except ModuleNotFoundError as error:
        print(error, file=sys.stderr)
        return 1
    command.report(one)
    command.save_picture(one, options.output / "calibration.png")
    return 0 if ended else 130


if __name__ == "__main__":
    sys.exit(main())
