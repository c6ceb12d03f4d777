"""A Dask cluster of real processes: ``python -m tests.dask_cluster WORKERS [pinned]`` until its input ends."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def dask_cluster(workers: int, *, pinned: bool = False) -> Iterator[str]:
    """The address of a scheduler with so many workers, which are gone afterwards.

    pinned: each worker has one core to itself, as a batch system gives it.
    """
    command = [sys.executable, "-m", __name__, str(workers), *(["pinned"] if pinned else [])]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.stdin.close()
            process.wait()


def main() -> None:
    """Start the cluster, say its address, wait."""
    from distributed import Client, LocalCluster

    with LocalCluster(
        n_workers=int(sys.argv[1]), threads_per_worker=1, dashboard_address=None, memory_limit=0
    ) as cluster:
        if "pinned" in sys.argv:
            with Client(cluster) as client:
                for core, worker in enumerate(client.scheduler_info(n_workers=-1)["workers"]):
                    client.run(_pin, core, workers=[worker])
        sys.stdout.write(f"{cluster.scheduler_address}\n")
        sys.stdout.flush()
        sys.stdin.read()


def _pin(core: int) -> None:
    """All threads of this process; those that come inherit it."""
    one = {sorted(os.sched_getaffinity(0))[core]}
    for task in Path("/proc/self/task").iterdir():
        os.sched_setaffinity(int(task.name), one)


if __name__ == "__main__":
    main()
